"""Which query lists the jobs of a filter, so that a page costs the same at any size."""

from typing import Any

from services.jobs.models import JobFilter, JobState, Priority, Scope
from services.jobs.storage.database import QUERIES


def list_query(scope: Scope, wanted: JobFilter) -> tuple[Any, dict[str, Any]]:
    """Choose the query whose index serves the filter; return it with its own parameters."""
    # A patient who asks for somebody else gets nothing: the policies of the database say so.
    patient_id = wanted.patient_id or scope.patient_id
    if not (patient_id or wanted.creator or wanted.states or wanted.priority):
        return QUERIES.list_jobs, {}
    parameters = {
        "states": [state.value for state in wanted.states or JobState],
        "priorities": [
            priority.value for priority in Priority if wanted.priority in (None, priority)
        ],
        "creator": wanted.creator,
    }
    if patient_id:
        return QUERIES.list_jobs_by_patient, {**parameters, "patient_id": patient_id}
    return QUERIES.list_jobs_by_state, parameters

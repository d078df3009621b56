"""Who may do what: one table, asked before anything else."""

import re
from collections.abc import Mapping
from enum import StrEnum

from chassis.auth import Principal
from services.jobs.errors import ForbiddenError, InvalidSiteError
from services.jobs.models import Scope


class Role(StrEnum):
    """Roles of a token; others are ignored."""

    DOCTOR = "doctor"
    PATIENT = "patient"
    PACS = "pacs"
    ADMIN = "admin"


class Action(StrEnum):
    """What can be asked of the service, one for each group of calls."""

    SUBMIT = "submitting images"
    FOLLOW = "reading jobs"
    CHANGE = "cancelling or retrying jobs"
    DELETE = "deleting jobs"


ALLOWED: Mapping[Action, frozenset[Role]] = {
    Action.SUBMIT: frozenset({Role.DOCTOR, Role.PACS}),
    Action.FOLLOW: frozenset({Role.DOCTOR, Role.PATIENT, Role.PACS, Role.ADMIN}),
    Action.CHANGE: frozenset({Role.DOCTOR, Role.PACS, Role.ADMIN}),
    Action.DELETE: frozenset({Role.ADMIN}),
}
"""The table. A caller with several roles may do what any of them allows."""


# A site stands in blob keys: nothing in it may be read as a path.
_SITE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def authorize(principal: Principal, action: Action) -> Scope:
    """Return what the caller may see.

    Raises:
        ForbiddenError: none of the caller's roles allows the action.
        InvalidSiteError: the token's site cannot be used.
    """
    if _SITE.fullmatch(principal.site) is None:
        raise InvalidSiteError
    roles = principal.roles & ALLOWED[action]
    if not roles:
        raise ForbiddenError(action, principal.roles)
    if roles == {Role.PATIENT}:
        patient_id = str(principal.claims.get("patient_id", ""))
        if not patient_id:
            raise ForbiddenError("reading jobs without a patient_id claim", principal.roles)
        return Scope(principal.site, patient_id)
    return Scope(principal.site)

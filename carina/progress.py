"""Shows a running job: progress bars on a terminal, plain lines anywhere else."""

import re
import time
from collections.abc import Iterable
from typing import Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from carina.files import FileUpload, printable
from carina.results import Image, ImageStage, ImageState, Job, JobState, Snapshot, Update

# The bar of an image has this many steps.
_STEPS_TO_END = 4
_STYLES = {
    "SUCCEEDED": "green",
    "PARTIALLY_SUCCEEDED": "yellow",
    "FAILED": "red",
    "CANCELLED": "magenta",
    "REFUSED": "red",
}
_NAME_WIDTH = 36
# A note that programs should know, such as "NOT_A_FRONTAL_CHEST_RADIOGRAPH: ...".
_CODED = re.compile("[A-Z][A-Z_]+: ")


class JobView(Protocol):
    """Shows a running job."""

    def __enter__(self) -> Self:
        """Start showing."""

    def __exit__(self, *_: object) -> None:
        """Leave the last state on the screen."""

    def expect(self, files: Iterable[FileUpload]) -> None:
        """Show files that will be uploaded."""

    def sent(self, file: FileUpload, size: int) -> None:
        """Show how many bytes of a file have been sent."""

    def refused(self, file: FileUpload, reason: str) -> None:
        """Show that a file was refused."""

    def update(self, update: Update) -> None:
        """Show an update of the job."""


def open_view(console: Console) -> JobView:
    """Return bars for a terminal, lines for anything else."""
    return BarView(console) if console.is_terminal else LineView(console)


def styled(word: str) -> Text:
    """Return a state in its colour."""
    return Text(word, style=_STYLES.get(word, ""))


def where(image: Image) -> str:
    """Return the stage of a running image, otherwise its state."""
    if image.state is ImageState.RUNNING and image.stage is not ImageStage.UNSPECIFIED:
        return str(image.stage)
    return str(image.state)


def outcome(image: Image) -> str:
    """Return the outcome of an image in a few words, or nothing until it has ended."""
    if image.error is not None:
        return printable(f"{image.error.code}: {image.error.message}")
    if image.state is not ImageState.SUCCEEDED:
        return ""
    if not image.predicted_label or image.probability is None:
        # Not "no finding", which is what radiologists call a normal film.
        codes = [note.partition(": ")[0] for note in image.notes if _CODED.match(note)]
        return ": ".join((*codes[:1], "no label predicted"))
    return printable(f"{image.predicted_label} {image.probability:.0%}")


class LineView:
    """Prints a line for each change of an image."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: dict[str, str] = {}
        self._job_state = JobState.UNSPECIFIED

    def __enter__(self) -> Self:
        """Start showing."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to redraw."""

    def expect(self, files: Iterable[FileUpload]) -> None:
        """Print how many files there are."""
        names = list(files)
        size = sum(file.size_bytes for file in names) / 1e6
        self._say(f"uploading {len(names)} file(s), {size:.1f} MB")

    def sent(self, file: FileUpload, size: int) -> None:
        """Lines report whole images, not bytes."""

    def refused(self, file: FileUpload, reason: str) -> None:
        """Print that a file was refused."""
        self._say(f"{file.file_name}  REFUSED  {printable(reason)}")

    def update(self, update: Update) -> None:
        """Print what has changed since the last update."""
        progress = update.job.progress
        count = f"{progress.processed}/{progress.total}"
        for image in update.images:
            now = where(image)
            if self._shown.get(image.name) != now:
                self._shown[image.name] = now
                line = f"{count}  {printable(image.file_name)}  {now}  {outcome(image)}"
                self._say(line.rstrip())
        if update.job.state is not self._job_state:
            self._job_state = update.job.state
            self._say(f"{count}  {update.job.name}  {update.job.state}")

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class BarView:
    """A bar for the job and one for each image that fits on the screen."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._job: Job | None = None
        self._images: dict[str, Image] = {}
        self._files: dict[str, FileUpload] = {}
        self._sent: dict[str, int] = {}
        self._refused: dict[str, str] = {}
        self._touched: dict[str, float] = {}
        # Last, because it renders immediately.
        self._live = Live(console=console, refresh_per_second=8, get_renderable=self._render)

    def __enter__(self) -> Self:
        """Start redrawing."""
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the last state on the screen."""
        self._live.stop()

    def expect(self, files: Iterable[FileUpload]) -> None:
        """Show files that will be uploaded."""
        self._files.update({file.image_key: file for file in files})

    def sent(self, file: FileUpload, size: int) -> None:
        """Move the bar of an upload."""
        self._sent[file.image_key] = size
        self._touch(file.image_key)

    def refused(self, file: FileUpload, reason: str) -> None:
        """Mark a file as refused."""
        self._refused[file.image_key] = reason
        self._touch(file.image_key)

    def update(self, update: Update) -> None:
        """Apply an update of the job."""
        self._job = update.job
        if isinstance(update, Snapshot):
            self._images.clear()
        for image in update.images:
            self._images[image.image_key] = image
            self._touch(image.image_key)

    def _name_width(self) -> int:
        """Leave room for the bar and the state beside the name, even on 60 columns."""
        return min(_NAME_WIDTH, max(self._console.width - 30, 10))

    def _touch(self, key: str) -> None:
        self._touched[key] = time.monotonic()

    def _render(self) -> RenderableType:
        return Group(self._overall(), self._rows())

    def _overall(self) -> Table:
        expected = len(self._files) - len(self._refused)
        total = max(expected, self._job.progress.total if self._job else 0, 1)
        done = self._job.progress.processed if self._job else 0
        words = [f"{done}/{total} images"]
        if self._job is not None:
            failed = self._job.progress.failed
            words += [f"{failed} failed"] if failed else []
            words.append(str(self._job.state))
        grid = Table.grid(padding=(0, 1))
        grid.add_row(
            Text("job", style="bold"),
            ProgressBar(total=total, completed=done, width=40),
            Text(" · ".join(words)),
        )
        return grid

    def _rows(self) -> Table:
        grid = Table.grid(padding=(0, 1))
        grid.add_column(no_wrap=True, width=self._name_width())
        grid.add_column(width=16)
        grid.add_column(no_wrap=True, min_width=10)
        grid.add_column(no_wrap=True, overflow="ellipsis")
        keys = list(self._files) + [key for key in self._images if key not in self._files]
        # Leave room for the job's line, the line about hidden images, and the prompt.
        room = max(self._console.height - 4, 1)
        if len(keys) > room:
            latest = sorted(keys, key=lambda key: self._touched.get(key, 0.0), reverse=True)[:room]
            shown = [key for key in keys if key in set(latest)]
        else:
            shown = keys
        for key in shown:
            grid.add_row(*self._row(key))
        if len(shown) < len(keys):
            grid.add_row(Text(f"and {len(keys) - len(shown)} more", style="dim"))
        return grid

    def _row(self, key: str) -> tuple[RenderableType, ...]:
        image = self._images.get(key)
        if image is not None:
            name, state, words = printable(image.file_name), where(image), outcome(image)
            done = float(_steps(image))
        else:
            file = self._files[key]
            name, words = file.file_name, self._refused.get(key, "")
            state = "REFUSED" if words else "UPLOADING" if key in self._sent else "WAITING"
            done = 0.0 if words else self._sent.get(key, 0) / max(file.size_bytes, 1)
        bar = ProgressBar(total=_STEPS_TO_END, completed=done, width=16)
        if len(name) > (width := self._name_width()):
            # The end of a path tells files apart; its beginning rarely does.
            name = "\N{HORIZONTAL ELLIPSIS}" + name[1 - width :]
        return Text(name), bar, styled(state), Text(printable(words))


def _steps(image: Image) -> int:
    if image.state is ImageState.QUEUED:
        return 1
    if image.state is ImageState.RUNNING:
        return 3 if image.stage is ImageStage.INFER else 2
    return _STEPS_TO_END

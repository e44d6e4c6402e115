"""What follows a record: alerts and the history page. Where either fails, the retraining stays what it was."""

import logging
from dataclasses import dataclass
from pathlib import Path

from pipeline.alerts.journal import notify_once
from pipeline.config import Config
from pipeline.retraining.folder import RetrainingFolder
from pipeline.retraining.history_page.write import write_history
from pipeline.retraining.record import RetrainingRecord
from pipeline.retraining.retrain import Clock
from schema.errors import BreastImagingError

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Telling:
    """Tells of the retrainings of an output folder. Attributes: data: folder of the spans."""

    config: Config
    data: Path
    folder: RetrainingFolder
    clock: Clock

    def tell(self, record: RetrainingRecord) -> None:
        """Of a record that is in the history."""
        notify_once(self.config.alerts, record, self.config.name, self.folder.alerts_file)
        try:
            write_history(self.config, self.data, self.folder, self.clock())
        except (OSError, BreastImagingError) as error:
            _LOGGER.warning("the history page in %s was not written: %s", self.folder.root, error)

    def catch_up(self) -> None:
        """Of the last record, where a crash came between it and its alerts."""
        for record in self.folder.history()[-1:]:
            notify_once(self.config.alerts, record, self.config.name, self.folder.alerts_file)

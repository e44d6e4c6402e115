"""The Tuner's entry point, and the tuner: each trial trains one network as the Trainer would."""

import dataclasses
from typing import Any, Final

import keras
import keras_tuner
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.engine.trial import Trial, TrialStatus
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.components.tuner.component import TunerFnResult

from components.models.registry import get_model
from components.progress import Progress, report_progress
from components.settings import TunerSettings
from components.trainer.data import label_coding
from components.trainer.devices import plan_compute
from components.trainer.learning_set import LearningSet, read_learning_set
from components.trainer.phases import Task, TrainedNetwork, train_network
from components.tuner.search_space import check_tuning, search_space, with_values
from schema import contract
from schema.errors import BreastImagingError, ConfigurationError

SETTINGS_KEY: Final = "settings"
FEATURES_KEY: Final = "features"
TASK: Final = "tuning"
DIRECTIONS: Final = {"val_auc": "max", "val_loss": "min"}


def tuner_fn(fn_args: FnArgs) -> TunerFnResult:
    """Tries settings on `train` and `eval`; never sees `test`."""
    settings = TunerSettings.model_validate_json(fn_args.custom_config[SETTINGS_KEY])
    features = fn_args.custom_config.get(FEATURES_KEY)
    spec = get_model(settings.model.architecture)
    check_tuning(spec, settings.model, settings.train, settings.tuning)
    transformed = spec.transform_settings(settings.model)
    task = Task(spec, settings.model, settings.train, label_coding(settings), plan_compute(settings.train))
    learning_sets = {
        "train": read_learning_set(fn_args.train_files, transformed, features, contract.TRAIN),
        "evaluation": read_learning_set(fn_args.eval_files, transformed, features, contract.EVAL),
    }
    return TunerFnResult(TrialTuner(task, settings, fn_args.working_dir), learning_sets)


class TrialTuner(BaseTuner):
    """Random search. All trials start from the same seed, the one with which the Trainer trains its first member."""

    def __init__(self, task: Task, settings: TunerSettings, directory: str) -> None:
        """Args:
        task: of the settings as they are configured.
        directory: for what KerasTuner keeps of the trials.
        """
        self._task = task
        self._settings = settings
        self._monitor = settings.train.monitor
        self._failures: dict[str, str] = {}
        oracle = keras_tuner.oracles.RandomSearchOracle(
            objective=keras_tuner.Objective(self._monitor, DIRECTIONS[self._monitor]),
            max_trials=settings.tuning.trials,
            seed=settings.train.seed + 1,  # for 0 the oracle would draw a seed
            hyperparameters=search_space(settings.tuning),
            max_consecutive_failed_trials=settings.tuning.trials + 1,  # `on_search_end` says it better
        )
        oracle.verbose = 0  # more would clear the terminal
        super().__init__(oracle, directory=directory, overwrite=True)

    def run_trial(self, trial: Trial, train: LearningSet, evaluation: LearningSet) -> dict[str, float]:
        """Trains with the values of the trial; returns the monitored value of the best epoch on `evaluation`."""
        settings = with_values(self._settings, trial.hyperparameters.values)
        task = dataclasses.replace(self._task, model=settings.model, train=settings.train)
        title = f"trial {int(trial.trial_id) + 1} of {settings.tuning.trials}, "
        try:
            trained = train_network(task, train, evaluation, settings.train.seed, title)
        except Exception as error:
            if not isinstance(error, BreastImagingError) or isinstance(error, ConfigurationError):
                # KerasTuner would take anything less for a fault of these values, and go on with others.
                raise keras_tuner.errors.FatalError(str(error)) from error
            self._failures[trial.trial_id] = error.what
            raise keras_tuner.errors.FailedTrialError(error.what) from error
        finally:
            keras.backend.clear_session()  # the graphs of the trials would pile up
        return {self._monitor: best_value(trained, self._monitor)}

    def on_trial_end(self, trial: Trial) -> None:
        super().on_trial_end(trial)
        report_progress(Progress(TASK, advance=1, total=self._settings.tuning.trials, remark=self._remark(trial)))

    def on_search_end(self) -> None:
        """Raises BreastImagingError where every trial failed, since KerasTuner would call one of them the best."""
        trials = self.oracle.trials.values()
        if not any(trial.status == TrialStatus.COMPLETED for trial in trials):
            raise BreastImagingError(
                f"Tuner: none of the {len(trials)} trials came to a {self._monitor}.",
                reasons=[self._remark(trial) for trial in trials],
                fix="try lower learning rates in tuning, and see that eval has images of every class",
            )

    def _remark(self, trial: Trial) -> str:
        values = ", ".join(f"{key} {_shown(value)}" for key, value in trial.hyperparameters.values.items())
        if trial.status == TrialStatus.COMPLETED:
            return f"{self._monitor} {trial.score:.3f} with {values}"
        return f"{self._failures.get(trial.trial_id, f'{self._monitor} is no number')} ({values})"


def best_value(trained: TrainedNetwork, monitor: str) -> float:
    """The monitored value of the epoch whose weights were kept."""
    history = trained.histories[trained.kept]
    return history.values[monitor][history.best_epoch - 1]


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)

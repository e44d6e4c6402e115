"""The clinical gate as an instrument, and its speed.

    python -m benchmarks.clinical_gate --repetitions 400

First the time and memory of one evaluation of 10,000 predictions. Then models of known worth are tested on patients
drawn anew: how many does the gate bless that just miss what is asked for (it should be 5 % at most), and how many of
those better by 0.03 (it should be 80 % at the size that the README names)?
"""

import argparse
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.clinical import evaluation_of
from tests.simulated_models import Study, is_blessed, share_blessed, simulate_model, simulate_pair

BOUND = 0.85
MARGIN = 0.05
BETTER = 0.03
SEVERAL = {"images_per_patient": 3, "correlation": 0.7}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=400)
    repetitions = parser.parse_args().repetitions
    _time()
    with ProcessPoolExecutor() as pool:
        for title, trial in _trials().items():
            blessed = share_blessed(list(pool.map(trial, range(repetitions), chunksize=8)))
            print(f"{title:<80} blessed {100 * blessed:5.1f} %  of {repetitions}", flush=True)


def _time() -> None:
    images = simulate_model(Study(patients=5_000), auc=0.9, recall=0.9, seed=0)
    start = time.perf_counter()
    evaluation_of(images)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"10,000 predictions, 2,000 replicates: {seconds:.1f} s, peak {peak:,.0f} MiB", flush=True)


def _trials() -> dict[str, Callable[[int], bool]]:
    trials: dict[str, Callable[[int], bool]] = {}
    for study in (Study(30), Study(100), Study(700), Study(30, **SEVERAL), Study(100, **SEVERAL)):
        trials[f"null: AUC {BOUND} where {BOUND} is asked for, {_size(study)}"] = partial(_auc, study, BOUND)
    for patients in (300, 500, 600, 700, 1000):
        study = Study(patients)
        trials[f"AUC {BOUND + BETTER:.2f} where {BOUND} is asked for, {_size(study)}"] = partial(
            _auc, study, BOUND + BETTER
        )
    for study in (Study(30), Study(100), Study(30, **SEVERAL), Study(100, **SEVERAL)):
        trials[f"null: recall 0.9 where 0.9 is asked for, {_size(study)}"] = partial(_recall, study, 0.9)
    for patients in (30, 100):
        study = Study(patients)
        trials[f"null: worse than the earlier model by {MARGIN}, {_size(study)}"] = partial(
            _pair, study, BOUND - MARGIN
        )
    for patients in (100, 200):
        study = Study(patients)
        trials[f"better than the earlier model by {BETTER}, {_size(study)}"] = partial(_pair, study, BOUND + BETTER)
    return trials


def _size(study: Study) -> str:
    return f"{study.patients} + {study.patients} patients with {study.images_per_patient} images"


def _auc(study: Study, auc: float, seed: int) -> bool:
    return is_blessed(simulate_model(study, auc=auc, recall=0.9, seed=seed), minimum_auc=BOUND)


def _recall(study: Study, recall: float, seed: int) -> bool:
    return is_blessed(simulate_model(study, auc=0.95, recall=recall, seed=seed), minimum_recall=0.9)


def _pair(study: Study, auc: float, seed: int) -> bool:
    images, earlier = simulate_pair(study, auc=auc, earlier_auc=BOUND, alike=0.7, seed=seed)
    return is_blessed(images, earlier, maximum_auc_drop=MARGIN)


if __name__ == "__main__":
    main()

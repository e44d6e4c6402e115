"""Entry point of the console command. What a command needs is imported when it runs, so `--help` is instant."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from kubeflow import cli as kubeflow_cli
from pipeline.cli import alerts, data, release, schedule, server_options
from pipeline.cli.app import show_page
from pipeline.cli.serve import serve
from schema.errors import EXIT_BAD_CONFIGURATION, EXIT_FAILED, BreastImagingError, ConfigurationError

if TYPE_CHECKING:
    from serving.client.settings import Tls

app = typer.Typer(
    help="Train, gate and publish breast-image classifiers. For research only; not for diagnosis.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(data.app, name="data")
app.add_typer(release.app, name="release")
app.add_typer(kubeflow_cli.app, name="kubeflow")
app.add_typer(schedule.app, name="schedule")
app.add_typer(alerts.app, name="alerts")
app.command("app")(show_page)

# Newer releases of Typer bring a click of their own, have no public name for this one, and return 130 for Ctrl-C.
_UsageError: Any = typer.BadParameter.__mro__[1]
_INTERRUPTED: Final = 130

ConfigOption = data.ConfigOption
SetOption = data.SetOption
RequireGpuOption = Annotated[
    bool, typer.Option("--require-gpu", help="Fail, before anything is trained, where TensorFlow sees no GPU.")
]


@app.callback()
def _root() -> None:
    pass


@app.command()
def run(
    config: ConfigOption,
    data: Annotated[Path | None, typer.Option("--data", help="Folder of images.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="Folder for results.", show_default="runs/<name>")
    ] = None,
    overrides: SetOption = None,
    require_gpu: RequireGpuOption = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a failure.")] = False,
) -> None:
    """Run the pipeline: from a folder of images to a gated, published model.

    Exit codes: 0 published, 2 data rejected, 3 model not blessed, 4 bad configuration or usage, 1 anything else.
    """
    from pipeline.cli.run import run_command

    raise typer.Exit(run_command(config, data, output, _with_gpu(overrides, require_gpu), debug))


@app.command()
def retrain(
    config: ConfigOption,
    data: Annotated[Path | None, typer.Option("--data", help="Folder of spans: span-1/, span-2/, or dates.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="Folder for results, always the same.", show_default="runs/<name>")
    ] = None,
    status: Annotated[bool, typer.Option("--status", help="Show what was decided so far, and do nothing.")] = False,
    overrides: SetOption = None,
    require_gpu: RequireGpuOption = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a failure.")] = False,
) -> None:
    """Judge new spans of data, train on them where there is reason to, and publish what is not worse.

    Exit codes: 0 published or nothing to do, 2 a span was refused and nothing published, 3 model not blessed, 4 bad
    configuration or usage, 1 anything else.
    """
    from pipeline.cli.retrain import retrain_command, status_command

    overridden = _with_gpu(overrides, require_gpu)
    if status:
        raise typer.Exit(status_command(config, output, overridden))
    if data is None:
        raise ConfigurationError("No folder of spans is named.", fix="name it with --data DIR")
    raise typer.Exit(retrain_command(config, data, output, overridden, debug))


@app.command()
def crossval(
    config: ConfigOption,
    data: Annotated[Path | None, typer.Option("--data", help="Folder of images.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="Folder for results.", show_default="runs/<name>")
    ] = None,
    folds: Annotated[int, typer.Option("--folds", help="Parts, each of which is tested once.")] = 5,
    json_file: Annotated[Path | None, typer.Option("--json", help="File for the figures, as JSON.")] = None,
    overrides: SetOption = None,
    require_gpu: RequireGpuOption = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a failure.")] = False,
) -> None:
    """Cross-validate by group: figures with intervals over all images, none judged by a model that saw its patient.

    Exit codes: 0 done, 2 data rejected, 4 bad configuration or usage, 1 anything else.
    """
    from pipeline.cli.crossval import crossval_command

    overridden = _with_gpu(overrides, require_gpu)
    raise typer.Exit(crossval_command(config, data, output, folds, json_file, overridden, debug))


@app.command()
def evaluate(
    model: Annotated[Path, typer.Option("--model", help="Folder of a published model, or of its versions.")],
    config: ConfigOption,
    data: Annotated[Path, typer.Option("--data", help="Folder of labelled images.")],
    output: Annotated[
        Path | None, typer.Option("--output", help="Folder for results.", show_default="runs/<name>-evaluation")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="File for the figures, as JSON.")] = None,
    overrides: SetOption = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a failure.")] = False,
) -> None:
    """Evaluate a published model on any labelled images: external validation, with intervals.

    Exit codes: 0 done, 2 data rejected, 4 bad configuration or usage, 1 anything else.
    """
    from pipeline.cli.evaluate import evaluate_command

    raise typer.Exit(evaluate_command(model, config, data, output, json_file, overrides or [], debug))


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(help="Output folders of runs or evaluations.", show_default=False)],
    json_file: Annotated[Path | None, typer.Option("--json", help="File for the figures, as JSON.")] = None,
) -> None:
    """Show runs side by side, and test each against the first one on the images that both have.

    Exit codes: 0 done, 4 bad configuration or usage.
    """
    from pipeline.cli.compare import compare_command

    compare_command(runs, json_file)


@app.command()
@server_options.may_encrypt
def predict(
    tls: "Tls | None",
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="FILE|DIR|-...", help="Images, folders of images, or one image on standard input."),
    ],
    addresses: Annotated[
        list[str] | None, typer.Option("--address", help="HOST:PORT of a server, its gRPC port. Repeatable.")
    ] = None,
    model_name: server_options.ModelNameOption = server_options.DEFAULT_MODEL_NAME,
    version: Annotated[int | None, typer.Option("--version", help="Version to ask.")] = None,
    label: Annotated[str | None, typer.Option("--label", help="Label of the version to ask: stable, say.")] = None,
    model: Annotated[
        Path | None,
        typer.Option("--model", help="Without a server: folder of a published model, or of its versions."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for each image.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    wait: Annotated[float, typer.Option("--wait", help="Seconds to wait for the model.", min=0)] = 0.0,
    deadline: server_options.DeadlineOption = 10.0,
) -> None:
    """Ask a model for images: on a server, or from its folder. For research only; not for diagnosis.

    Exit codes: 0 all answered, 2 an image cannot be used, 4 bad usage or no such model, 1 anything else.
    """
    from pipeline.cli.predict import Published, Served, make_answers, predict_command

    answers = make_answers(as_json, as_csv)
    source: Served | Published
    if model and not addresses and version is None and label is None and tls is None:
        source = Published(model)
    elif addresses and not model:
        source = Served(addresses, model_name, version, label, deadline, wait, tls)
    else:
        raise ConfigurationError(
            "A model is either on a server or in a folder.",
            fix="name servers with --address, and what concerns them, or else a folder with --model",
        )
    raise typer.Exit(predict_command(inputs, source, answers))


def _with_gpu(overrides: list[str] | None, require_gpu: bool) -> list[str]:
    return [*(overrides or []), *(["train.require_gpu=true"] if require_gpu else [])]


@app.command()
def score(
    model: Annotated[Path, typer.Option("--model", help="Folder of a version, or the one that holds the versions.")],
    data: Annotated[Path, typer.Option("--data", help="Folder of images.")],
    output: Annotated[Path, typer.Option("--output", help="File to write: .csv or .jsonl.")],
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset", help="Data set that the folder is; leaves out its masks.", show_default="every image"
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=0, help="Threads; 0 takes all cores.", show_default="1"),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option("--config", help="Configuration whose section beam says where to do it, instead of --workers."),
    ] = None,
    overrides: SetOption = None,
) -> None:
    """Score every image of a folder with a published model, on Beam workers.

    Exit codes: 0 all scored, 2 some files could not be read (the others are scored), 4 bad usage, 1 anything else.
    """
    from pipeline.cli.quiet import quiet_imports

    with quiet_imports():
        from pipeline.cli.score import choose_engine, score_command

    raise typer.Exit(score_command(model, data, output, dataset, choose_engine(workers, config, overrides or [])))


app.command()(serve)


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    sys.exit(run_app(sys.argv[1:]))


def run_app(arguments: list[str]) -> int:
    """Runs the command line. Every failure ends in a message on standard error and an exit code."""
    try:
        result = app(arguments, standalone_mode=False)
    except _UsageError as error:
        error.show()
        return EXIT_BAD_CONFIGURATION
    except BreastImagingError as error:
        print(f"\n{error}", file=sys.stderr)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        result = _INTERRUPTED
    if result == _INTERRUPTED:
        print("\nInterrupted.", file=sys.stderr)
        return EXIT_FAILED
    return result if isinstance(result, int) else 0

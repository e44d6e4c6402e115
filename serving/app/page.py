"""The page. Streamlit runs this script anew whenever somebody does something on it."""

import sys
from typing import Final

import streamlit as st

from serving.app import fragments
from serving.app.asking import Answered, GivenImage, Outcome, Refused, ask_for_all, final_outcomes
from serving.app.cards import CARD_PATH, read_card
from serving.app.examples import EXAMPLES
from serving.app.settings import AppSettings
from serving.app.standing import NotReady, Ready, Standing, find_standing
from serving.app.table import to_csv, to_rows
from serving.client import Client

_OPACITY: Final = 60  # per cent, to begin with

# Keys of the session.
_UPLOADER: Final = "uploader"  # how often the chosen files were cleared
_EXAMPLE: Final = "example"  # position of the one that was clicked
_KNOWN: Final = "known"  # outcomes that asking again would not change, by identifier


def main(settings: AppSettings) -> None:
    """Draws the page."""
    st.set_page_config(page_title="Breast image classifier", layout="wide")
    st.html(fragments.style())
    st.html(fragments.heading())
    standing = find_standing(_connect_for_status(settings), settings.model)
    _show_standing(standing, settings)
    images = _choose_images()
    if isinstance(standing, Ready):
        outcomes = _ask(_connect(settings), images)
        _show(outcomes)
        _show_card(settings, _version(settings, outcomes, standing))
    elif images:
        st.html(fragments.note("The chosen images are answered once the model is there."))


@st.cache_resource
def _connect(settings: AppSettings) -> Client:
    return settings.connect()


@st.cache_resource
def _connect_for_status(settings: AppSettings) -> Client:
    return settings.connect_for_status()


def _show_standing(standing: Standing, settings: AppSettings) -> None:
    if isinstance(standing, NotReady):
        st.html(fragments.failure(standing.error))
        st.button("Try again")  # any click runs the script anew, which asks the server
    else:
        st.html(fragments.standing(settings.model, settings.address, standing.versions))


def _choose_images() -> list[GivenImage]:
    """Those that were uploaded, or else the example that was clicked."""
    uploaded = st.file_uploader(
        "Images: PNG, JPEG, DICOM, TIFF, PGM or BMP",
        accept_multiple_files=True,
        key=f"{_UPLOADER} {st.session_state.setdefault(_UPLOADER, 0)}",
        on_change=_forget_example,
    )
    st.html(fragments.note("Or try a synthetic image. These phantoms show no patient, and were made as:"))
    with st.container(horizontal=True):
        for position, example in enumerate(EXAMPLES):
            st.button(example.title.capitalize(), key=f"example {position}", on_click=_take_example, args=(position,))
    if uploaded:
        return [GivenImage(file.file_id, file.name, file.getvalue()) for file in uploaded]
    chosen = st.session_state.get(_EXAMPLE)
    return [] if chosen is None else [EXAMPLES[chosen].load()]


def _take_example(position: int) -> None:
    st.session_state[_EXAMPLE] = position
    st.session_state[_UPLOADER] += 1  # another key makes another uploader, which is empty


def _forget_example() -> None:
    st.session_state.pop(_EXAMPLE, None)


def _ask(client: Client, images: list[GivenImage]) -> list[Outcome]:
    known: dict[str, Outcome] = st.session_state.get(_KNOWN, {})
    place = st.empty()
    if any(image.identifier not in known for image in images):
        place.progress(0.0, text="Asking the model")
    outcomes: list[Outcome] = []
    for image, outcome in zip(images, ask_for_all(client.explain, images, known), strict=True):
        outcomes.append(outcome)
        if image.identifier not in known:
            place.progress(len(outcomes) / len(images), text=f"{len(outcomes)} of {len(images)} images")
    place.empty()
    st.session_state[_KNOWN] = final_outcomes(images, outcomes)
    return outcomes


def _show(outcomes: list[Outcome]) -> None:
    if len(outcomes) == 1:
        _show_outcome(outcomes[0])
    elif outcomes:
        _show_batch(outcomes)
    if not all(each.is_final for each in outcomes):
        st.button("Ask again")


def _show_batch(outcomes: list[Outcome]) -> None:
    st.subheader(f"{len(outcomes)} images", anchor=False)
    rows = to_rows(outcomes)
    st.html(fragments.table(rows))
    st.download_button("Save as CSV", to_csv(rows), file_name="predictions.csv", mime="text/csv", on_click="ignore")
    answered = [each for each in outcomes if isinstance(each, Answered)]
    if answered:
        shown = st.selectbox("Look at", range(len(answered)), format_func=lambda position: answered[position].name)
        _show_outcome(answered[shown])


def _show_outcome(outcome: Outcome) -> None:
    if isinstance(outcome, Refused):
        st.html(fragments.failure(outcome.error, outcome.name))
        return
    left, right = st.columns(2, gap="medium")  # on a narrow screen the left one lies above the other
    with left:
        st.html(fragments.answer(outcome))
    with right:
        _show_picture(outcome)


@st.fragment
def _show_picture(answered: Answered) -> None:
    """Apart from the rest, so that the slider asks no server."""
    place = st.container()
    opacity = st.slider("Opacity of the heat map", 0, 100, _OPACITY, step=5, format="%d %%")
    place.html(fragments.picture(answered, opacity / 100))


def _version(settings: AppSettings, outcomes: list[Outcome], standing: Ready) -> int | None:
    """The one that answers; None where a label hides it until it has answered."""
    answered = (each.explanation.prediction.model_version for each in outcomes if isinstance(each, Answered))
    return next(answered, None if settings.label else standing.versions[-1])


def _show_card(settings: AppSettings, version: int | None) -> None:
    if version is None:
        return
    card = read_card(settings.model_folder, version) if settings.model_folder else None
    with st.expander(f"Model card of {settings.model}, version {version}"):
        if card is None:
            st.html(fragments.note(_no_card(settings, version)))
        else:
            st.markdown(card)


def _no_card(settings: AppSettings, version: int) -> str:
    if settings.model_folder is None:
        return f"It lies where the model is published, at {version}/{CARD_PATH}. --model FOLDER shows it here."
    return f"There is none at {settings.model_folder}/{version}/{CARD_PATH}."


if __name__ == "__main__":
    main(AppSettings.model_validate_json(sys.argv[1]))

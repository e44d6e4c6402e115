"""The section `kubeflow`, and names of images: what Kubernetes would refuse is refused before it is compiled."""

import pytest

from kubeflow.image_name import check_image
from kubeflow.tasks import processors
from pipeline.config import load_config
from pipeline.kubeflow_settings import KubeflowSettings
from schema.errors import ConfigurationError

DIGEST = f"sha256:{'0a' * 32}"


@pytest.mark.parametrize(
    "image",
    [
        f"registry.example/imaging/model@{DIGEST}",
        f"registry.example:5000/model:1.2.0@{DIGEST}",
        f"registry.example/model:latest@{DIGEST}",
        "ghcr.io/team/model:3f2a9c1",
        "localhost/model:2026-11-22",
    ],
)
def test_names_that_mean_one_image_are_taken(image: str) -> None:
    check_image(image)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("registry.example/model", "without a tag it means `latest`"),
        ("registry.example:5000/model", "without a tag it means `latest`"),
        ("registry.example/model:latest", "the tag latest moves"),
        ("registry.example/model:main", "the tag main moves"),
        ("registry.example/Model:1", "no name of an image"),
        ("model:1", "no name of an image"),
        (f"registry.example/model@{DIGEST[:-1]}", "no name of an image"),
        ("registry.example/model:1 --privileged", "no name of an image"),
        ("", "no name of an image"),
    ],
)
def test_other_names_are_refused(image: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        check_image(image)


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ("pipeline_root=file:///artifacts", "kubeflow.pipeline_root"),
        ("pipeline_root=oci://registry/artifacts", "kubeflow.pipeline_root"),
        ("pipeline_root=/artifacts", "kubeflow.pipeline_root"),
        ("data.path=gs://bucket/images", "kubeflow.data.path.*absolute path"),
        ("data.path=images", "kubeflow.data.path.*absolute path"),
        ("serving.path=models/", "kubeflow.serving.*absolute path"),
        ("serving.path=gs://bucket/models", "no claim is mounted there"),
        ("serving={path: 's3://bucket/models', claim: ''}", "TensorFlow opens gs:// and no other object store"),
        ("serving.claim=Models", "kubeflow.serving.claim"),
        ("scratch_size=20 GB", "kubeflow.scratch_size"),
        ("resources.memory=-1Gi", "kubeflow.resources.memory"),
        ("resources.cpu=two", "kubeflow.resources.cpu"),
        ("components.Traner.gpus=1", "kubeflow.components.Traner.*no such step"),
        ("components.Trainer.gpu=1", "kubeflow.components.Trainer.gpu: there is no such key; did you mean 'gpus'"),
        ("components.Pusher.gpus=1", "Pusher: only FeatureExtractor, Retraining, Trainer, Tuner have use for a GPU"),
        ("gpu.node_selector={a b: c}", "kubeflow.gpu.node_selector"),
        ("gpu.tolerations=[{operator: Equal}]", "needs a key"),
        ("gpu.tolerations=[{key: gpu, value: 'yes'}]", "operator Exists has no value"),
        ("gpu.tolerations=[{keys: gpu}]", "did you mean 'key'"),
        ("environment={1A: x}", "kubeflow.environment"),
        ("secret_variables=[{secret: minio, keys: {}}]", "kubeflow.secret_variables.0.keys"),
        ("secret_files={minio: /tmp}", "one path for two volumes: /tmp"),
        ("secret_files={data: /mnt/key}", "one name for two volumes: data"),
        ("volumes={weights: /mnt/data}", "one path for two volumes: /mnt/data"),
        ("volumes={data: /mnt/other}", "one name for two volumes: data"),
        ("volumes={scratch: /mnt/other}", "one name for two volumes: scratch"),
        ("retry.attempts=-1", "kubeflow.retry.attempts"),
        ("image_pull_policy=Sometimes", "kubeflow.image_pull_policy"),
    ],
)
def test_what_kubernetes_refuses_is_refused_with_its_key(override: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=f"(?s){reason}"):
        load_config("synthetic", [f"kubeflow.{override}"])


def test_folders_may_lie_in_an_object_store() -> None:
    settings = load_config(
        "synthetic", ["kubeflow.serving.path=gs://bucket/models", "kubeflow.serving.claim=''"]
    ).kubeflow

    assert settings.mounts == {"data": "/mnt/data", "history": "/mnt/history"}


@pytest.mark.parametrize(("cpu", "expected"), [("4", 4), ("2500m", 2), ("0.5", 1), ("500m", 1), ("8.9", 8)])
def test_a_step_has_as_many_processors_as_fit_whole(cpu: str, expected: int) -> None:
    settings = KubeflowSettings.model_validate({"components": {"Transform": {"cpu": cpu}}})

    assert processors(settings, "Transform") == expected
    assert processors(settings, "Evaluator") == 2


def test_what_a_component_does_not_say_is_as_usual() -> None:
    settings = KubeflowSettings.model_validate({"components": {"Trainer": {"memory": "24Gi"}}})

    given = settings.resources_of("Trainer")
    assert (given.cpu, given.memory, given.gpus) == ("2", "24Gi", 0)

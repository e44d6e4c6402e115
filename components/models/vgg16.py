"""VGG16 without its last layers, as an earlier project on mammograms used it: frozen, or fine-tuned from block 4."""

from typing import Final

from components.models.backbone import backbone_model
from components.models.spec import BackboneSpec, InputShape, PublishedWeights

MODEL: Final = backbone_model(
    name="vgg16",
    title="VGG16",
    default_input=InputShape(224, 224, 3),
    default_head="dense",
    backbone=BackboneSpec(
        module="vgg16",
        function="VGG16",
        parameters=14_714_688,
        fine_tune_from="block4_conv1",
        blocks=("block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3", "block5_conv3"),
        published={
            1.0: PublishedWeights(
                "https://storage.googleapis.com/tensorflow/keras-applications/vgg16/"
                "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
                "6d6bbae143d832006294945121d1f1fc",
            )
        },
    ),
)

"""ResNet50 without its last layers: frozen, or fine-tuned from its last stage."""

from typing import Final

from components.models.backbone import backbone_model
from components.models.spec import BackboneSpec, InputShape, PublishedWeights

MODEL: Final = backbone_model(
    name="resnet50",
    title="ResNet50",
    default_input=InputShape(224, 224, 3),
    default_head="gap",
    backbone=BackboneSpec(
        module="resnet50",
        function="ResNet50",
        parameters=23_587_712,
        fine_tune_from="conv5_block1_1_conv",
        blocks=("conv1_relu", "conv2_block3_out", "conv3_block4_out", "conv4_block6_out", "conv5_block3_out"),
        published={
            1.0: PublishedWeights(
                "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"
                "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
                "4d473c1dd8becc155b73f8504c6f6626",
            )
        },
    ),
)

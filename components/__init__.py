"""What TFX runs: ingestion, the data gate, Transform, models, trainer, evaluation, publisher, report."""

import tfx as _tfx  # noqa: F401  TFDV cannot be imported before tfx (it needs a module that tfx stubs)

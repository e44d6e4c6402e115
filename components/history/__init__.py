"""What earlier runs left behind, in folders: for platforms whose pipelines cannot ask ML Metadata for it."""

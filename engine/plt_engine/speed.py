"""What is known of one model's speed on this machine: learned while it runs, and kept between runs.

It does not know what the times were taken of.
"""

from plt_engine.latency import LatencyModel, Measurement
from plt_engine.latency_store import LatencyStore

# The model is written down after so many measurements.
SAVE_EVERY = 16


class Speed:
    """A latency model that learns.

    Args:
        store: where it is kept.

    Attributes:
        model: as it is now.
    """

    def __init__(self, store: LatencyStore) -> None:
        self.model = store.load()
        self._store = store
        self._num_unsaved = 0

    def learn(self, model: LatencyModel) -> None:
        """Take another model, and write it down."""
        self.model = model
        self._store.save(model)

    def judge(self, found: Measurement) -> None:
        """Take into account how wrong the model would have been."""
        self.model = self.model.judge(found)

    def observe(self, found: Measurement) -> None:
        """Take a measurement into account."""
        self.model = self.model.observe(found)
        self._num_unsaved += 1
        if self._num_unsaved >= SAVE_EVERY:
            self._num_unsaved = 0
            self._store.save(self.model)

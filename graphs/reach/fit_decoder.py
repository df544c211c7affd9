"""Make data/reach_decoder.npz: the decoder fitted on trials 0 to 88 of the recording.

    python graphs/reach/fit_decoder.py

Ridge regression on the last 5 bins (500 ms) of a trial, the penalty by 3-fold cross-validation.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

REACH = Path(__file__).resolve().parent
RECORDING = REACH / "data" / "reach_chewie_20131003_bin100ms.npz"
RESULT = REACH / "data" / "reach_decoder.npz"
WINDOW = 5
LAST_TRIAL = 88

sys.path[:0] = [str(REACH), str(REACH.parent / "cursor")]
from maths import ridge  # noqa: E402  (found only with the line above)
from motor_cortex.recording import load_recording  # noqa: E402


def fit_decoder() -> ridge.Decoding:
    """The decoder, with what it was fitted on."""
    recorded = load_recording(RECORDING)
    fitted = recorded.trial <= LAST_TRIAL
    features = ridge.histories(recorded.counts[fitted], WINDOW, recorded.trial[fitted])
    decoding = ridge.fit(features, recorded.velocity[fitted], WINDOW)
    about = {"recording": recorded.identity, "first_trial": 0, "last_trial": LAST_TRIAL}
    return dataclasses.replace(decoding, about=about)


if __name__ == "__main__":
    ridge.save(RESULT, fit_decoder())

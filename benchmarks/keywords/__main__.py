"""Ten spoken words on Arm's NPUs, from recordings of the Free Spoken Digit Dataset.

    git clone https://github.com/Jakobovski/free-spoken-digit-dataset /tmp/digits
    .venv/bin/python -m benchmarks.keywords /tmp/digits/recordings > benchmarks/keywords.md
    .venv/bin/python -m benchmarks.keywords /tmp/digits/recordings [--project FOLDER]

No registry has recorded words, so the recordings are brought along (CC BY-SA 4.0). Makes a project
with their cepstra and the contract keywords_ethos_u55, runs it, and prints as Markdown what it
ended with and what the compiler says of its winner on other NPUs. Nothing is executed on an NPU.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import _command_line, npu
from benchmarks._engine_image import ROOT
from mlforge_tasks.contract.npu import Npu
from mlforge_tasks.engines._vela_version import version
from mlforge_tasks.graph import process

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONTRACT = Path(__file__).with_name("keywords_ethos_u55.yaml")
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TIMEOUT_S = 2 * 3600.0
RATE_HZ, WINDOW, STEP, FRAMES = 8000, 240, 160, 49  # 30 ms every 20 ms of one second
BANDS, COEFFICIENTS, LOWEST_HZ = 40, 10, 60.0
# Of each word and speaker: the data set's own test set, and as many to search by.
TEST, VALIDATION = range(5), range(5, 10)
LEFT_OUT = ("delivered: ", "report: ")
INTRODUCTION = """\
Made by `.venv/bin/python -m benchmarks.keywords /tmp/digits/recordings > benchmarks/keywords.md`
with ethos-u-vela {version}, Zephyr 4.2 and its module `hal_ethos_u`: `{contract}` on
3,000 recordings of six people, of each word and person five to test by, which is the data set's own
test set. **Nothing was executed on an NPU**: see [npu.md](../docs/npu.md).
```
{ended}
```
The winner on other NPUs, as their compiler tells:
"""
NPUS = (
    ("ethos-u55-128", "Ethos_U55_High_End_Embedded"),
    ("ethos-u65-256", "Ethos_U65_Embedded"),
    ("ethos-u85-256", "Ethos_U85_SYS_Flash_High"),
)


def mel_bands() -> NDArray[np.float64]:
    """Triangles of equal width in mel (2595 log10(1 + f / 700)): one row a band."""
    edges = np.linspace(_mel(LOWEST_HZ), _mel(RATE_HZ / 2), BANDS + 2)
    at = 700.0 * (10.0 ** (edges / 2595.0) - 1.0)
    bins = np.fft.rfftfreq(WINDOW, 1 / RATE_HZ)[None]
    low, mid, high = at[:-2, None], at[1:-1, None], at[2:, None]
    rising, falling = (bins - low) / (mid - low), (high - bins) / (high - mid)
    return np.maximum(0.0, np.minimum(rising, falling))


def _mel(frequency_hz: float) -> float:
    return float(2595.0 * np.log10(1.0 + frequency_hz / 700.0))


def cepstra(samples: NDArray[np.float64]) -> NDArray[np.float32]:
    """One second's cepstral coefficients, `FRAMES` by `COEFFICIENTS`; a longer word is cut."""
    from scipy.fft import dct  # noqa: PLC0415 - the extra `audio`

    length = WINDOW + STEP * (FRAMES - 1)
    whole = np.zeros(length)
    whole[: min(len(samples), length)] = samples[:length]
    frames = np.lib.stride_tricks.sliding_window_view(whole, WINDOW)[::STEP]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW))) ** 2
    bands = np.log(power @ mel_bands().T + 1e-6)
    return np.asarray(dct(bands, norm="ortho")[:, :COEFFICIENTS], np.float32)


def write_data(recordings: Path, file: Path) -> None:
    """Every recording's cepstra, its word, and the split that it is in by its number."""
    from scipy.io import wavfile  # noqa: PLC0415 - the extra `audio`

    x, word, split = [], [], []
    for path in sorted(recordings.glob("*.wav")):
        digit, _, number = path.stem.split("_")
        _, samples = wavfile.read(path)
        x.append(cepstra(samples / 32768.0).ravel())
        word.append(WORDS[int(digit)])
        test, validation = int(number) in TEST, int(number) in VALIDATION
        split.append("test" if test else "validation" if validation else "train")
    np.savez(file, x=np.array(x), word=np.array(word), split=np.array(split))


def _run(project: Path) -> str:
    """What the contract's run ended with.

    Raises:
        SystemExit: The contract is not met.
    """
    argv = [sys.executable, "-m", "mlforge_tasks.shell.command", "run"]
    done = process.run(
        [*argv, f"contract=contracts/{CONTRACT.name}"],
        timeout_s=TIMEOUT_S,
        cwd=project,
        env={"PYTHONPATH": str(ROOT)},
    )
    if done.returncode:
        raise SystemExit(done.ending("the run"))
    lines = done.output[max(done.output.find("candidate  "), 0) :].splitlines()
    return "\n".join(line for line in lines if not line.startswith(LEFT_OUT))


def main() -> None:
    """Makes the project, runs it, prints the end and a table."""
    parser = _command_line.parser(__doc__)
    parser.add_argument("recordings", type=Path, help="the data set's folder of .wav files")
    parser.add_argument("--project", type=Path, default=Path("build/keywords"), help="made there")
    options = parser.parse_args()
    project: Path = options.project.resolve()
    for folder in ("data", "contracts"):
        (project / folder).mkdir(parents=True, exist_ok=True)
    write_data(options.recordings, project / "data" / "keywords.npz")
    shutil.copy(CONTRACT, project / "contracts")
    print(
        INTRODUCTION.format(
            version=version(), contract=CONTRACT.relative_to(ROOT), ended=_run(project)
        )
    )
    print(f"| {' | '.join(npu.HEADER)} |\n|{'---|' * len(npu.HEADER)}")
    winner = (project / "build" / CONTRACT.stem / "delivered" / "model.tflite").read_bytes()
    for accelerator, system_config in NPUS:
        told = {"accelerator": accelerator, "system_config": system_config}
        one = Npu.from_dump({**told, "memory_mode": "Shared_Sram"})
        print(f"| {' | '.join(npu.row('winner', winner, one))} |")


if __name__ == "__main__":
    main()

"""What an NPU's compiler says of a model: the part of `engine.json` that is about the NPU."""

from __future__ import annotations

from mlforge_tasks.records import Record


class CpuOperator(Record):
    """An operator that the NPU does not run.

    Attributes:
        op: As TFLite writes it.
        name: Of what it makes.
        reason: Why not, in the compiler's words; empty where it says nothing.
    """

    op: str
    name: str
    reason: str = ""

    def told(self) -> str:
        """In words."""
        return f"{self.op} ({self.reason})" if self.reason else self.op


class NpuFigures(Record):
    """A model as it was compiled for an NPU. Nothing here is measured: the compiler estimates.

    Attributes:
        compiler: Its name and version.
        accelerator: What it was compiled for.
        system_config: By name, memories and clock.
        memory_mode: By name, which memory holds what.
        clock_hz: The NPU's.
        cycles: Of an inference on the NPU; what runs on the CPU is in none of them.
        macs: Multiply-accumulates per inference, as the compiler counts them.
        utilisation: Of the NPU's multipliers, over all its cycles, 0 to 1.
        sram_bytes: The most of SRAM that is in use at a time.
        dram_bytes: The same of DRAM, in memory modes that have any; constants are in it there.
        scratch_bytes: Working memory that the interpreter gives to the NPU.
        file_bytes: The compiled model: what lies in flash.
        constant_bytes: Weights and biases in it, encoded.
        command_stream_bytes: What the NPU is to do, in it.
        compiler_flash_bytes: What the compiler says that flash holds.
        original_weight_bytes: Weights before they were encoded.
        encoded_weight_bytes: Weights after it.
        on_cpu: Operators that are left to the CPU.
    """

    compiler: str
    accelerator: str
    system_config: str
    memory_mode: str
    clock_hz: float
    cycles: int
    macs: int
    utilisation: float
    sram_bytes: int
    dram_bytes: int
    scratch_bytes: int
    file_bytes: int
    constant_bytes: int
    command_stream_bytes: int
    compiler_flash_bytes: int
    original_weight_bytes: int
    encoded_weight_bytes: int
    on_cpu: tuple[CpuOperator, ...] = ()

    @property
    def npu_us(self) -> float:
        """What the NPU takes of an inference, in microseconds."""
        return self.cycles / self.clock_hz * 1e6

"""No library reports to its maker."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_onnx_runtime_makes_no_identity_to_report_under(tmp_path: Path) -> None:
    """At its import it would write a device's id, and what waits to be sent, to ~/.cache, were it not for the scorer.

    In an environment without more: where CI is set it is silent anyhow.
    """
    script = "import services.scorer.score, sys; assert 'onnxruntime' in sys.modules"
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env={"HOME": str(tmp_path)}, check=True)
    assert not list(tmp_path.iterdir())

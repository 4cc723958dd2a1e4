"""Makes the plug-in's pure modules importable: the plug-in itself is installed beside LocalStack only."""

import sys
from pathlib import Path

PLUG_IN = Path(__file__).resolve().parents[3] / "infra" / "localstack"

if str(PLUG_IN) not in sys.path:
    sys.path.append(str(PLUG_IN))

"""The Python client: `from headwater.client import Client`. It needs httpx; pandas and pyarrow only for tables and frames."""

from headwater.client.client import Client
from headwater.client.errors import Cancelled, CannotConnect, Failed, HeadwaterError, Refused, SourceChanged
from headwater.client.queries import Limits
from headwater.client.results import Result

__all__ = ["Cancelled", "CannotConnect", "Client", "Failed", "HeadwaterError", "Limits", "Refused", "Result", "SourceChanged"]

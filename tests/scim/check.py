"""scim2-tester, which we did not write, against the directory: every check must pass.

python tests/scim/check.py URL TOKEN
"""

import collections
import sys

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

GOOD = (Status.SUCCESS, Status.COMPLIANT, Status.ACCEPTABLE, Status.SKIPPED)

url, token = sys.argv[1:]
http = Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60)
client = SyncSCIMClient(http)
client.discover()
results = check_server(client)
for result in results:
    if result.status not in GOOD:
        print(result.status, result.title, result.resource_type, result.reason)
counts = collections.Counter(result.status.name for result in results)
print("scim2-tester:", dict(counts))
bad = [result for result in results if result.status not in GOOD]
sys.exit(1 if bad or counts["SUCCESS"] < 100 else 0)

"""How fast a table of PostgreSQL becomes Parquet, and in how much memory, beside COPY to CSV of the same table.

    python -m benchmarks.databases [--rows 1000000] [--rounds 3]

Starts a PostgreSQL of its own, makes a table of ten columns (numbers, decimals, dates, texts, missing values) and
prints one JSON document: seconds of `COPY ... TO STDOUT (FORMAT CSV)` into a file by psycopg, seconds of `read_table`,
their ratio in each round, and the most memory that the reading process held. The two alternate, each in a process of
its own, since other work on the machine disturbs both. The table is in the server's memory before.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.postgres import USER, PostgresServer, binaries_or_skip, run_server

TABLE = """
CREATE TABLE visits AS SELECT i AS id, (i % 9000 * 79) % 90 AS age,
  CASE i % 3 WHEN 0 THEN 'a' WHEN 1 THEN 'bb' END AS ward, (random() * 1000)::float8 AS score,
  (random() * 10000)::numeric(12, 2) AS bill, date '2020-01-01' + (i % 1500) AS admitted,
  timestamp '2020-01-01' + i * interval '1 second' AS seen, i % 2 = 0 AS alive, md5(i::text) AS code,
  (i % 500)::int2 AS small FROM generate_series(1, {rows}) i
"""
COPY = """
import json, resource, sys, time
import psycopg
dsn, out = sys.argv[1], sys.argv[2]
begun = time.perf_counter()
with psycopg.connect(dsn) as connection, open(out, "wb") as file:
    with connection.cursor().copy("COPY visits TO STDOUT (FORMAT CSV)") as copy:
        for piece in copy:
            file.write(piece)
print(json.dumps({"seconds": time.perf_counter() - begun, "cpu": time.process_time(),
                  "mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""
READ = """
import json, resource, sys, time
from pathlib import Path
from app.databases.address import parse_address
from app.databases.transfer import read_table
from app.intake.model import IntakeLimits
import adbc_driver_postgresql.dbapi
database, table = parse_address(sys.argv[1])
begun = time.perf_counter()
read_table(database, table, Path(sys.argv[2]), limits=IntakeLimits(), seconds=3600)
print(json.dumps({"seconds": time.perf_counter() - begun, "cpu": time.process_time(),
                  "mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def measured(script: str, address: str, out: Path) -> dict[str, float]:
    ran = subprocess.run([sys.executable, "-c", script, address, str(out)], capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(ran.stdout)
    return {name: round(value, 3) for name, value in result.items()}


def compared(server: PostgresServer, rows: int, rounds: int) -> dict[str, object]:
    with server.connect() as connection:
        connection.execute("DROP TABLE IF EXISTS visits")
        connection.execute(TABLE.format(rows=rows))
        connection.execute("VACUUM ANALYZE visits")
    address = f"postgresql://{USER}:{server.password}@127.0.0.1:{server.port}/postgres"
    with tempfile.TemporaryDirectory() as folder:
        csv, parquet = Path(folder) / "visits.csv", Path(folder) / "visits.parquet"
        copied, read = [], []
        for _ in range(rounds):
            copied.append(measured(COPY, address, csv))
            read.append(measured(READ, f"{address}?table=visits", parquet))
        sizes = {"csv_bytes": csv.stat().st_size, "parquet_bytes": parquet.stat().st_size}
    ratios = [round(ours["seconds"] / theirs["seconds"], 2) for ours, theirs in zip(read, copied, strict=True)]
    return {"rows": rows, "copy": copied, "read": read, "read_to_copy": ratios, **sizes}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with run_server(binaries_or_skip()) as server:
        found = [compared(server, rows, arguments.rounds) for rows in arguments.rows]
    print(json.dumps({"machine": platform.platform(), "tables": found}, indent=1))


if __name__ == "__main__":
    main()

"""Writes the dashboards as JSON files into a folder: render.py FOLDER"""

import json
import pathlib
import sys

from grafana_foundation_sdk.cog.encoder import JSONEncoder

import broker_database
import consumer_worker
import dead_letters
import producer_api
import slo

FILES = {
    "slo": slo,
    "producer-api": producer_api,
    "consumer-worker": consumer_worker,
    "dead-letters": dead_letters,
    "broker-database": broker_database,
}


def main():
    folder = pathlib.Path(sys.argv[1])
    for name, module in FILES.items():
        text = json.dumps(module.make(), cls=JSONEncoder, indent=2, sort_keys=True)
        folder.joinpath(f"{name}.json").write_text(text + "\n")


main()

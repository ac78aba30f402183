"""Runs one OpenStack Swift server, or builds the rings, below a directory of our choice.

    swift_lab.py rings ETC ACCOUNT_PORT CONTAINER_PORT OBJECT_PORT
    swift_lab.py serve ETC account|container|object|proxy

Swift keeps to /etc/swift and syslog by itself; here it reads ETC/swift.conf and logs to stderr.
"""

import json
import logging
import os
import sys
import time


def rings(etc, *ports):
    """One device and one copy of everything."""
    from swift.common.ring import RingBuilder

    for name, port in zip(("account", "container", "object"), ports):
        builder = RingBuilder(part_power=4, replicas=1, min_part_hours=0)
        address = {"ip": "127.0.0.1", "port": int(port)}
        address.update({"replication_" + key: value for key, value in address.items()})
        builder.add_dev(dict(address, region=1, zone=1, device="disk", weight=1, meta=""))
        builder.rebalance()
        builder.get_ring().save(os.path.join(etc, name + ".ring.gz"))


def serve(etc, name):
    from swift.common import utils

    utils.SWIFT_CONF_FILE = os.path.join(etc, "swift.conf")
    utils.ThreadSafeSysLogHandler = lambda **_: logging.NullHandler()
    utils.get_logger.console_handler4logger = {}  # present: every logger writes to stderr
    from swift.common.wsgi import run_wsgi

    options = {}
    if name == "object":
        from swift.obj.server import global_conf_callback

        options["global_conf_callback"] = global_conf_callback
    sys.exit(run_wsgi(os.path.join(etc, name + ".conf"), name + "-server", **options))


class Cache:
    """What the proxy asks of memcached, in memory: there is one proxy process only."""

    def __init__(self):
        self._kept = {}

    def set(self, key, value, time=0, **_):
        self._kept[key] = (json.dumps(value), time and _now() + time)

    def get(self, key, **_):
        value, expires = self._kept.get(key, (None, 0))
        if value is None or (expires and expires < _now()):
            return None
        return json.loads(value)

    def delete(self, key, **_):
        self._kept.pop(key, None)

    def incr(self, key, delta=1, time=0):
        value = max(0, int(self.get(key) or 0) + int(delta))
        self.set(key, value, time=time)
        return value

    def decr(self, key, delta=1, time=0):
        return self.incr(key, -int(delta), time)


def _now():
    return time.time()


def cache_factory(global_conf, **local_conf):
    """The paste filter that stands where `memcache` does elsewhere."""
    cache = Cache()

    def wrap(app):
        def cached(env, start_response):
            env["swift.cache"] = cache
            return app(env, start_response)

        return cached

    return wrap


if __name__ == "__main__":
    {"rings": rings, "serve": serve}[sys.argv[1]](*sys.argv[2:])

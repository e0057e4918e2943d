"""The platforms that faults are injected into, each with a stream of claims."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from urllib.parse import urlsplit

from benchmarks.bodies import submission_bodies
from benchmarks.chaos.databases import servers_restarted
from benchmarks.chaos.scenario import FaultTarget, ServicesTarget
from benchmarks.chaos.stored import all_submitted
from benchmarks.chaos.stream import ClaimStream
from benchmarks.chaos.supervised import UpTarget, up
from benchmarks.chaos.watch import StateWatch
from benchmarks.platform import create_key, free_routes, in_thread, platform
from benchmarks.proxy import Proxy
from benchmarks.stage import LIVE_CLAIMS, ReportProgress, Stage

_READY_WITHIN_S = 900.0
"""`ginja up` scores the recent claims of the history first."""
_WARM_UP_S = 4.0


@asynccontextmanager
async def services_platform(
    stage: Stage,
    report: ReportProgress,
    rate: float,
    *,
    of_all: Mapping[str, str] | None = None,
    of_api: Mapping[str, str] | None = None,
) -> AsyncIterator[ServicesTarget]:
    """Scorer, API and worker behind proxies, under load; the servers are started again when they end.

    `of_all` and `of_api` are more environment of these processes.
    """
    async with AsyncExitStack() as stack:
        routes = free_routes()
        store = urlsplit(stage.redis_url)
        address = (store.hostname or "127.0.0.1", store.port or 6379)
        to_scorer, scorer_to_store, worker_to_store = (
            Proxy(("127.0.0.1", routes.scorer_port)),
            Proxy(address),
            Proxy(address),
        )
        for proxy in (to_scorer, scorer_to_store, worker_to_store):
            await proxy.start()
            stack.push_async_callback(proxy.stop)
        routes = replace(
            routes,
            scorer_url_of_api=f"http://127.0.0.1:{to_scorer.port}",
            redis_url_of_scorer=stage.redis_url.replace(f":{address[1]}", f":{scorer_to_store.port}"),
            redis_url_of_worker=stage.redis_url.replace(f":{address[1]}", f":{worker_to_store.port}"),
        )
        started = platform(stage, routes, of_all=of_all, of_api=of_api)
        running = await stack.enter_async_context(in_thread(started))
        await stack.enter_async_context(in_thread(servers_restarted(stage)))
        target = ServicesTarget(
            stage=stage,
            stream=ClaimStream(routes.api_port, running.key, running.bodies()),
            watch=StateWatch(routes.api_port, running.monitoring_key),
            processes=running.processes,
            to_scorer=to_scorer,
            scorer_to_store=scorer_to_store,
            worker_to_store=worker_to_store,
        )
        async with _under_load(target, report, rate):
            yield target


@asynccontextmanager
async def supervised_platform(stage: Stage, report: ReportProgress, rate: float) -> AsyncIterator[UpTarget]:
    """The platform of `ginja up`, under load."""
    report("starting `ginja up`")
    async with in_thread(up(stage)) as running:
        keys = [await asyncio.to_thread(create_key, stage, role) for role in ("claims_system", "monitoring")]
        stream = ClaimStream(running.api_port, keys[0], submission_bodies(LIVE_CLAIMS, stage.home))
        target = UpTarget(stage=stage, stream=stream, watch=StateWatch(running.api_port, keys[1]), up=running)
        async with _under_load(target, report, rate):
            await target.until_supervised()
            yield target


@asynccontextmanager
async def _under_load(target: FaultTarget, report: ReportProgress, rate: float) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(target.watch.run())]
    try:
        await target.watch.until_ready(_READY_WITHIN_S)
        target.others = await asyncio.to_thread(all_submitted, target.stage)
        tasks.append(asyncio.create_task(target.stream.run(rate)))
        report("submitting claims without faults")
        await asyncio.sleep(_WARM_UP_S)
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

import time, json, pytest
from tests.api.test_work import *
@module_loop
async def test_probe(shared_api):
    for t in TARGETS:
        body=example_body(t)
        await send(shared_api,t,body=body)
        c=time.process_time(); await send(shared_api,t,body=body); a=time.process_time()-c
        c=time.process_time()
        with measured() as w: await send(shared_api,t,body=body)
        b=time.process_time()-c
        print("PROBE", t, w, round(a*1e3,1), round(b*1e3,1))

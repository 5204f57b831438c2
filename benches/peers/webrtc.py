# SPDX-License-Identifier: MIT OR Apache-2.0
"""A WebRTC data channel (aiortc) that carries our packets, to measure ours against: run by `visavis bench call --peers`.

Both ends are in this process and share its clock. The first line on stdin is a JSON object: `packets` (base64, in order),
`interval_s`, and `drain_s`, how long to wait after the last one. The first answer is the answerer's UDP `port`; the next line
on stdin is the `port` of the proxy before it, through which everything goes from then on. The last answer has, for each message
that came, `[index, sent_s, received_s]`.

The channel is unordered and never retransmits, as our datagrams.
"""
import asyncio
import base64
import json
import struct
import sys
import time

import aiortc
from aioice import ice
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

# Only loopback: that is where the proxy is.
ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]


def without_candidates(sdp):
    """The same description of somebody whose address isn't known yet, so that no way leads around the proxy."""
    hidden = ("a=candidate", "a=end-of-candidates")
    return "".join(line for line in sdp.splitlines(keepends=True) if not line.startswith(hidden))


def candidate_port(sdp):
    line = next(line for line in sdp.splitlines() if line.startswith("a=candidate"))
    return int(line.split()[5])


def through(sdp, port):
    """The same description, reached at the proxy's port."""
    lines = []
    for line in sdp.splitlines(keepends=True):
        if line.startswith("a=candidate"):
            fields = line.split(" ")
            fields[5] = str(port)
            line = " ".join(fields)
        lines.append(line)
    return "".join(lines)


async def read_line():
    return json.loads(await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline))


async def main():
    task = await read_line()
    packets = [base64.b64decode(packet) for packet in task["packets"]]
    talker, listener = (RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in range(2))
    channel = talker.createDataChannel("face", ordered=False, maxRetransmits=0)
    came, opened = [], asyncio.Event()
    channel.on("open", opened.set)

    @listener.on("datachannel")
    def on_channel(remote):
        @remote.on("message")
        def on_message(message):
            index, sent = struct.unpack("<Id", message[:12])
            came.append([index, sent, time.monotonic()])

    await talker.setLocalDescription(await talker.createOffer())
    offer = RTCSessionDescription(without_candidates(talker.localDescription.sdp), "offer")
    await listener.setRemoteDescription(offer)
    await listener.setLocalDescription(await listener.createAnswer())
    answer = listener.localDescription.sdp
    print(json.dumps({"port": candidate_port(answer), "version": aiortc.__version__}), flush=True)
    proxy = await read_line()
    await talker.setRemoteDescription(RTCSessionDescription(through(answer, proxy["port"]), "answer"))
    await asyncio.wait_for(opened.wait(), 30)
    await asyncio.sleep(1.0)
    print(json.dumps({"open": True}), flush=True)
    begin = time.monotonic()
    for index, packet in enumerate(packets):
        wait = begin + index * task["interval_s"] - time.monotonic()
        await asyncio.sleep(max(wait, 0))
        # The index and the time stand for nothing that ours carries: they replace as many bytes of the packet, if it has them.
        channel.send(struct.pack("<Id", index, time.monotonic()) + packet[12:])
    print(json.dumps({"sent": True}), flush=True)
    await asyncio.sleep(task["drain_s"])
    print(json.dumps({"came": came}), flush=True)
    # What is closed properly takes seconds over a bad network; the process ends here.


asyncio.run(main())

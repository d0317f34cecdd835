// SPDX-License-Identifier: Apache-2.0
//
// echo_capnp.cc - the echo of bench/echo_rpc.c by Cap'n Proto's RPC. echo.sh has the arguments;
// echo_capnp.capnp the interface.
#include <capnp/message.h>
#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>
#include <kj/debug.h>
#include <kj/vector.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "echo_capnp.capnp.h"

namespace {

class Server final : public Bounce::Server {
	kj::Promise<void> call(CallContext context) override
	{
		context.getResults().setData(context.getParams().getData());
		return kj::READY_NOW;
	}
};

void serve()
{
	auto io = kj::setupAsyncIo();
	capnp::TwoPartyServer server(kj::heap<Server>());
	auto address = io.provider->getNetwork().parseAddress("127.0.0.1", 0).wait(io.waitScope);
	auto listener = address->listen();

	std::printf("%u\n", listener->getPort());
	std::fclose(stdout);
	server.listen(*listener).wait(io.waitScope);
}

struct Connection {
	kj::Own<kj::AsyncIoStream> stream;
	kj::Own<capnp::TwoPartyClient> client;
	Bounce::Client bounce;
};

struct Work {
	kj::Vector<Connection> connections;
	kj::Array<kj::byte> data;
	size_t left;
};

/* Calls one after the other until none are left. */
kj::Promise<void> calls(Work &work, size_t connection)
{
	if (work.left == 0)
		return kj::READY_NOW;
	work.left--;
	auto request = work.connections[connection].bounce.callRequest();

	request.setData(work.data);
	return request.send().then([&work, connection](auto &&reply) {
		KJ_REQUIRE(reply.getData().size() == work.data.size());
		return calls(work, connection);
	});
}

void call(unsigned port, size_t size, size_t connections, size_t outstanding, size_t count)
{
	auto io = kj::setupAsyncIo();
	auto address = io.provider->getNetwork().parseAddress("127.0.0.1", port).wait(io.waitScope);
	Work work{{}, kj::heapArray<kj::byte>(size), count};
	kj::Vector<kj::Promise<void>> all;

	for (size_t i = 0; i < connections; i++) {
		auto stream = address->connect().wait(io.waitScope);
		auto client = kj::heap<capnp::TwoPartyClient>(*stream);
		auto bounce = client->bootstrap().castAs<Bounce>();

		work.connections.add(Connection{kj::mv(stream), kj::mv(client), kj::mv(bounce)});
	}
	for (size_t i = 0; i < outstanding; i++)
		all.add(calls(work, i % connections));
	kj::joinPromises(all.releaseAsArray()).wait(io.waitScope);
}

} // namespace

int main(int argc, char **argv)
{
	if (argc == 2 && std::strcmp(argv[1], "serve") == 0) {
		serve();
		return 0;
	}
	if (argc != 7) {
		std::fprintf(stderr, "usage: %s serve | call PORT SIZE CONNECTIONS OUTSTANDING COUNT\n",
			     argv[0]);
		return 2;
	}
	call((unsigned)std::stoul(argv[2]), std::stoul(argv[3]), std::stoul(argv[4]),
	     std::stoul(argv[5]), std::stoul(argv[6]));
	return 0;
}

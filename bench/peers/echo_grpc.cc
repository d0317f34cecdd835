// SPDX-License-Identifier: Apache-2.0
//
// echo_grpc.cc - the echo of bench/echo_rpc.c by gRPC: completion queues on both sides, one thread
// each, which is its fastest way here. echo.sh has the arguments; echo_grpc.proto the service.
#include <grpcpp/grpcpp.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "echo_grpc.grpc.pb.h"

using bounce::Bounce;
using bounce::Bytes;

namespace {

[[noreturn]] void fail(const std::string &what)
{
	std::fprintf(stderr, "%s\n", what.c_str());
	std::exit(1);
}

/* ---- The server ------------------------------------------------------------------------------ */

struct Serving {
	Bounce::AsyncService *service;
	grpc::ServerCompletionQueue *queue;
	grpc::ServerContext context;
	Bytes request;
	grpc::ServerAsyncResponseWriter<Bytes> writer{&context};
	bool answered = false;

	Serving(Bounce::AsyncService *of, grpc::ServerCompletionQueue *on) : service(of), queue(on)
	{
		service->RequestCall(&context, &request, &writer, queue, queue, this);
	}

	void go_on()
	{
		if (answered) {
			delete this;
			return;
		}
		new Serving(service, queue);
		answered = true;
		writer.Finish(request, grpc::Status::OK, this);
	}
};

void serve()
{
	Bounce::AsyncService service;
	grpc::ServerBuilder builder;
	int port = 0;

	builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
	builder.RegisterService(&service);
	builder.SetMaxReceiveMessageSize(-1);
	auto queue = builder.AddCompletionQueue();
	auto server = builder.BuildAndStart();

	if (!server)
		fail("no server");
	std::printf("%d\n", port);
	std::fclose(stdout);
	for (int i = 0; i < 256; i++)
		new Serving(&service, queue.get());
	void *tag;
	bool fine;

	while (queue->Next(&tag, &fine)) {
		if (fine)
			static_cast<Serving *>(tag)->go_on();
		else
			delete static_cast<Serving *>(tag);
	}
}

/* ---- The client ------------------------------------------------------------------------------ */

struct Calling {
	Bounce::Stub *stub;
	grpc::CompletionQueue *queue;
	const Bytes *request;
	std::unique_ptr<grpc::ClientContext> context;
	std::unique_ptr<grpc::ClientAsyncResponseReader<Bytes>> reader;
	Bytes reply;
	grpc::Status status;

	void start()
	{
		context = std::make_unique<grpc::ClientContext>();
		reader = stub->AsyncCall(context.get(), *request, queue);
		reader->Finish(&reply, &status, this);
	}
};

void call(const std::string &port, size_t size, size_t connections, size_t outstanding,
	  size_t count)
{
	std::vector<std::unique_ptr<Bounce::Stub>> stubs;
	std::vector<Calling> callings(outstanding);
	grpc::CompletionQueue queue;
	Bytes request;
	size_t sent = 0, done = 0;

	request.set_data(std::string(size, '\0'));
	for (size_t i = 0; i < connections; i++) {
		grpc::ChannelArguments arguments;

		/* Or all would share one connection. */
		arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
		arguments.SetMaxReceiveMessageSize(-1);
		stubs.push_back(Bounce::NewStub(grpc::CreateCustomChannel(
			"127.0.0.1:" + port, grpc::InsecureChannelCredentials(), arguments)));
	}
	for (; sent < outstanding && sent < count; sent++) {
		callings[sent].stub = stubs[sent % connections].get();
		callings[sent].queue = &queue;
		callings[sent].request = &request;
		callings[sent].start();
	}
	void *tag;
	bool fine;

	while (done < count && queue.Next(&tag, &fine)) {
		auto *calling = static_cast<Calling *>(tag);

		if (!fine || !calling->status.ok())
			fail(calling->status.error_message());
		if (calling->reply.data().size() != size)
			fail("another answer");
		done++;
		if (sent < count) {
			sent++;
			calling->start();
		}
	}
}

} // namespace

int main(int argc, char **argv)
{
	if (argc == 2 && std::strcmp(argv[1], "serve") == 0) {
		serve();
		return 0;
	}
	if (argc != 7)
		fail("usage: echo_grpc serve | call PORT SIZE CONNECTIONS OUTSTANDING COUNT");
	call(argv[2], std::stoul(argv[3]), std::stoul(argv[4]), std::stoul(argv[5]),
	     std::stoul(argv[6]));
	return 0;
}

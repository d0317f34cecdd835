// SPDX-License-Identifier: Apache-2.0

// The echo of bench/echo_rpc.c by Go's net/rpc; echo.sh has the arguments.
package main

import (
	"fmt"
	"net"
	"net/rpc"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
)

type Bounce struct{}

func (Bounce) Call(request []byte, reply *[]byte) error {
	*reply = request
	return nil
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	check(err)
	return n
}

func serve() {
	check(rpc.Register(Bounce{}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	os.Stdout.Close()
	rpc.Accept(listener)
}

func call(port string, size, connections, outstanding, count int) {
	clients := make([]*rpc.Client, connections)
	for i := range clients {
		client, err := rpc.Dial("tcp", "127.0.0.1:"+port)
		check(err)
		clients[i] = client
	}
	left := int64(count)
	data := make([]byte, size)
	var all sync.WaitGroup
	for i := 0; i < outstanding; i++ {
		all.Add(1)
		go func(client *rpc.Client) {
			defer all.Done()
			for atomic.AddInt64(&left, -1) >= 0 {
				var reply []byte
				check(client.Call("Bounce.Call", data, &reply))
				if len(reply) != size {
					check(fmt.Errorf("%d bytes came back", len(reply)))
				}
			}
		}(clients[i%connections])
	}
	all.Wait()
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "serve" {
		serve()
		return
	}
	if len(os.Args) != 7 {
		check(fmt.Errorf("usage: %s serve | call PORT SIZE CONNECTIONS OUTSTANDING COUNT", os.Args[0]))
	}
	call(os.Args[2], number(os.Args[3]), number(os.Args[4]), number(os.Args[5]), number(os.Args[6]))
}

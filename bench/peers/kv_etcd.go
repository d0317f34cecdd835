// SPDX-License-Identifier: Apache-2.0

// kv_etcd.go - the work of bench/kv_load.c by etcd's own client: `kv_etcd put|get ENDPOINTS CLIENTS COUNT BYTES [weak]`.
// Each client has a connection of its own and one call under way; keys are drawn from 10,000. Prints one line of JSON.
package main

import (
	"context"
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/clientv3"
)

const keys, warm, fillAtOnce = 10000, 1000, 100

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

func connect(endpoints []string) *clientv3.Client {
	client, err := clientv3.New(clientv3.Config{Endpoints: endpoints, DialTimeout: 10 * time.Second})
	check(err)
	return client
}

func name(key int) string {
	return fmt.Sprintf("key:%012d", key)
}

func fill(client *clientv3.Client, value string) {
	for begin := 0; begin < keys; begin += fillAtOnce {
		puts := make([]clientv3.Op, fillAtOnce)
		for i := range puts {
			puts[i] = clientv3.OpPut(name(begin+i), value)
		}
		_, err := client.Txn(context.Background()).Then(puts...).Commit()
		check(err)
	}
}

func ask(client *clientv3.Client, op, value string, key int, options []clientv3.OpOption) {
	if op == "put" {
		_, err := client.Put(context.Background(), name(key), value)
		check(err)
		return
	}
	found, err := client.Get(context.Background(), name(key), options...)
	check(err)
	if len(found.Kvs) != 1 || len(found.Kvs[0].Value) != len(value) {
		check(fmt.Errorf("%s is not as it was put", name(key)))
	}
}

// All clients together ask count times.
func run(clients []*clientv3.Client, op, value string, count int, options []clientv3.OpOption) {
	left := int64(count)
	var all sync.WaitGroup
	for i, client := range clients {
		all.Add(1)
		go func(client *clientv3.Client, random *rand.Rand) {
			defer all.Done()
			for atomic.AddInt64(&left, -1) >= 0 {
				ask(client, op, value, random.Intn(keys), options)
			}
		}(client, rand.New(rand.NewSource(int64(i))))
	}
	all.Wait()
}

func main() {
	if len(os.Args) != 6 && len(os.Args) != 7 {
		check(fmt.Errorf("usage: %s put|get ENDPOINTS CLIENTS COUNT BYTES [weak]", os.Args[0]))
	}
	op, count := os.Args[1], number(os.Args[4])
	value := strings.Repeat("v", number(os.Args[5]))
	clients := make([]*clientv3.Client, number(os.Args[3]))
	for i := range clients {
		clients[i] = connect(strings.Split(os.Args[2], ","))
	}
	var options []clientv3.OpOption
	if len(os.Args) == 7 {
		options = append(options, clientv3.WithSerializable())
	}
	if op == "get" {
		fill(clients[0], value)
	}
	run(clients, op, value, warm, options)
	begun := time.Now()
	run(clients, op, value, count, options)
	seconds := time.Since(begun).Seconds()
	fmt.Printf("{\"op\": \"%s\", \"clients\": %d, \"ops\": %d, \"seconds\": %.6f, \"per_second\": %.0f}\n",
		op, len(clients), count, seconds, float64(count)/seconds)
}

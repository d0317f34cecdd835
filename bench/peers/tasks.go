// SPDX-License-Identifier: Apache-2.0

// tasks.go - the work of bench/tasks.c by goroutines and Go's channels, on one processor.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"
)

const batch, buffer = 100, 128

func switches(count uint64) {
	var group sync.WaitGroup
	for task := 0; task < 2; task++ {
		group.Add(1)
		go func() {
			for i := uint64(0); i < count/2; i++ {
				runtime.Gosched()
			}
			group.Done()
		}()
	}
	group.Wait()
}

func spawns(count uint64) {
	var group sync.WaitGroup
	for done := uint64(0); done < count; done += batch {
		group.Add(batch)
		for i := 0; i < batch; i++ {
			go group.Done()
		}
		group.Wait()
	}
}

func passes(count uint64, capacity int) {
	items := make(chan uint64, capacity)
	go func() {
		for i := uint64(0); i < count; i++ {
			items <- i
		}
	}()
	for i := uint64(0); i < count; i++ {
		if item := <-items; item != i {
			panic("another item")
		}
	}
}

func selects(count uint64) {
	var chans [4]chan uint64
	for i := range chans {
		chans[i] = make(chan uint64, 1)
	}
	for i := uint64(0); i < count; i++ {
		var item uint64
		chans[i%4] <- i
		select {
		case item = <-chans[0]:
		case item = <-chans[1]:
		case item = <-chans[2]:
		case item = <-chans[3]:
		}
		if item != i {
			panic("another item")
		}
	}
}

func lives(count uint64) {
	var group sync.WaitGroup
	gate := make(chan byte)
	for i := uint64(0); i < count; i++ {
		group.Add(1)
		go func() {
			<-gate
			group.Done()
		}()
	}
	time.Sleep(500 * time.Millisecond)
	close(gate)
	group.Wait()
}

func main() {
	runtime.GOMAXPROCS(1)
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: tasks WHAT COUNT")
		os.Exit(2)
	}
	count, err := strconv.ParseUint(os.Args[2], 10, 64)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	switch os.Args[1] {
	case "switch":
		switches(count)
	case "spawn":
		spawns(count)
	case "chan0":
		passes(count, 0)
	case "chan128":
		passes(count, buffer)
	case "select":
		selects(count)
	case "live":
		lives(count)
	default:
		os.Exit(2)
	}
}

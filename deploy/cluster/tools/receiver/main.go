// Command receiver takes what k6's cloud output sends, as a portal on this machine would. After each push it writes a line with the
// run's token, and what has come under it so far: which runners, and how many requests they counted. `check.sh` reads the last one.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/klauspost/compress/snappy"
)

// Requests of each run, by its token, and of each of its runners.
type totals struct {
	sync.Mutex
	runs map[string]map[string]float64
}

func main() {
	log.SetFlags(0)
	listen := flag.String("listen", "127.0.0.1:0", "address to listen at; port 0 is any that is free")
	address := flag.String("address", "/dev/null", "file to write that address to, once it listens")
	flag.Parse()
	so := &totals{runs: map[string]map[string]float64{}}
	http.HandleFunc("POST /v2/metrics/{reference}", func(answer http.ResponseWriter, request *http.Request) {
		counted, err := read(request)
		if err != nil {
			log.Print(err)
			http.Error(answer, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Println(so.add(strings.TrimPrefix(request.Header.Get("Authorization"), "Token "), counted))
	})
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(*address, []byte(listener.Addr().String()), 0o644); err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(listener, nil))
}

func read(request *http.Request) (map[string]float64, error) {
	packed, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	content, err := snappy.Decode(nil, packed)
	if err != nil {
		return nil, err
	}
	return requests(content)
}

func (t *totals) add(token string, counted map[string]float64) string {
	t.Lock()
	defer t.Unlock()
	if t.runs[token] == nil {
		t.runs[token] = map[string]float64{}
	}
	run, sum := t.runs[token], 0.0
	for runner, count := range counted {
		run[runner] += count
	}
	for _, count := range run {
		sum += count
	}
	return fmt.Sprintf("%s: runners %s, %.0f requests", token, strings.Join(slices.Sorted(maps.Keys(run)), " "), sum)
}

// Command standin answers for every service of the shop inside the cluster, so that load tests have something to load.
// It works a few milliseconds and answers as the demo's services do: 201 where something is made, 200 elsewhere.
// It is no shop: nothing calls anything, nothing fills up. The demo (`make run`) has the real one.
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// Collections of the demo's services to which a POST adds.
var made = []string{"/checkout", "/payments", "/entries", "/lines", "/authorisations", "/parcels", "/carts"}

func main() {
	work, err := time.ParseDuration(os.Getenv("WORK"))
	if err != nil {
		work = 5 * time.Millisecond
	}
	var served atomic.Uint64
	http.HandleFunc("/_health", func(answer http.ResponseWriter, _ *http.Request) { answer.WriteHeader(http.StatusNoContent) })
	http.HandleFunc("/_served", func(answer http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(answer).Encode(map[string]uint64{"served": served.Load()})
	})
	http.HandleFunc("/", func(answer http.ResponseWriter, request *http.Request) {
		served.Add(1)
		time.Sleep(work)
		service, _, _ := strings.Cut(request.Host, ".")
		answer.Header().Set("Content-Type", "application/json")
		answer.WriteHeader(status(request))
		_ = json.NewEncoder(answer).Encode(map[string]string{"service": service, "path": request.URL.Path})
	})
	server := &http.Server{Addr: ":8080", ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}

func status(request *http.Request) int {
	if request.Method == http.MethodPost {
		for _, collection := range made {
			if strings.HasSuffix(request.URL.Path, collection) {
				return http.StatusCreated
			}
		}
	}
	return http.StatusOK
}

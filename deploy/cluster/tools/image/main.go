// Command image writes a small OCI image as a tar, from files of this machine, without an image tool or a registry:
// one uncompressed layer, as containerd imports it. The libraries that a program is linked with go along.
// The same files make the same digest. It prints `name digest`.
package main

import (
	"bytes"
	"debug/elf"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A list is a flag that may be given several times.
type list []string

func (l *list) String() string         { return strings.Join(*l, " ") }
func (l *list) Set(value string) error { *l = append(*l, value); return nil }

func main() {
	log.SetFlags(0)
	var files, trees, folders list
	name := flag.String("name", "", "name and tag of the image")
	out := flag.String("out", "", "the tar to write")
	user := flag.String("user", "65532:65532", "user and group that it runs as")
	entry := flag.String("entry", "", "the program, if the image has one")
	shell := flag.String("shell", "", "path of a busybox; the image gets it as its shell and tools")
	flag.Var(&files, "file", "FROM=TO, a file of this machine and its place in the image")
	flag.Var(&trees, "tree", "FROM=TO, a folder of this machine with all that is in it, and its place in the image")
	flag.Var(&folders, "folder", "a folder that everybody may write to")
	flag.Parse()

	layer := newLayer()
	for _, folder := range append(folders, "/tmp") {
		layer.folder(folder, 0o1777)
	}
	layer.text("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nk6:x:12345:12345::/home/k6:/bin/sh\nnonroot:x:65532:65532::/tmp:/bin/sh\n")
	layer.text("/etc/group", "root:x:0:\nk6:x:12345:\nnonroot:x:65532:\n")
	if *shell != "" {
		files = append(files, *shell+"=/bin/busybox")
	}
	for _, pair := range files {
		from, to, _ := strings.Cut(pair, "=")
		layer.file(from, to)
		for _, library := range libraries(from) {
			layer.file(library, library)
		}
	}
	for _, pair := range trees {
		from, to, _ := strings.Cut(pair, "=")
		if err := layer.tree(from, to); err != nil {
			log.Fatal(err)
		}
	}
	if *shell != "" {
		for _, tool := range applets(*shell) {
			layer.link("/bin/"+tool, "busybox")
		}
	}
	digest, err := write(*out, *name, *user, *entry, layer.close())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*name, digest)
}

// The tools of a busybox, without curl: where an image has curl, it is the real one.
func applets(busybox string) []string {
	told, err := exec.Command(busybox, "--list").Output()
	if err != nil {
		log.Fatalf("%s --list: %v", busybox, err)
	}
	var tools []string
	for _, tool := range strings.Fields(string(told)) {
		if tool != "busybox" && tool != "curl" {
			tools = append(tools, tool)
		}
	}
	return tools
}

// What a dynamic program needs beside itself; nothing for a static one, and for what is no program.
func libraries(path string) []string {
	program, err := elf.Open(path)
	var other *elf.FormatError
	if errors.As(err, &other) || errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		log.Fatalf("%s: %v", path, err)
	}
	defer program.Close()
	if program.Section(".interp") == nil {
		return nil
	}
	told, err := exec.Command("ldd", path).Output()
	if err != nil {
		log.Fatalf("ldd %s: %v", path, err)
	}
	var found []string
	for _, word := range bytes.Fields(told) {
		if filepath.IsAbs(string(word)) {
			found = append(found, string(word))
		}
	}
	return found
}

func read(path string) []byte {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		log.Fatal(err)
	}
	content, err := os.ReadFile(real)
	if err != nil {
		log.Fatal(err)
	}
	return content
}

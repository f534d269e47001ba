package main

import (
	"archive/tar"
	"bytes"
	"log"
	"path"
	"strings"
)

// A layer is a tar in memory; folders above an entry come by themselves.
type layer struct {
	buffer bytes.Buffer
	tar    *tar.Writer
	seen   map[string]bool
}

func newLayer() *layer {
	l := &layer{seen: map[string]bool{}}
	l.tar = tar.NewWriter(&l.buffer)
	return l
}

func (l *layer) entry(header tar.Header, content []byte) {
	header.Name = strings.Trim(header.Name, "/")
	if l.seen[header.Name] {
		return
	}
	l.seen[header.Name] = true
	if above := path.Dir(header.Name); above != "." {
		l.folder(above, 0o755)
	}
	header.Size = int64(len(content))
	if err := l.tar.WriteHeader(&header); err != nil {
		log.Fatal(err)
	}
	if _, err := l.tar.Write(content); err != nil {
		log.Fatal(err)
	}
}

func (l *layer) folder(name string, mode int64) {
	l.entry(tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: mode}, nil)
}

func (l *layer) file(from, to string) {
	l.entry(tar.Header{Typeflag: tar.TypeReg, Name: to, Mode: 0o755}, read(from))
}

func (l *layer) text(name, content string) {
	l.entry(tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644}, []byte(content))
}

func (l *layer) link(name, target string) {
	l.entry(tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}, nil)
}

func (l *layer) close() []byte {
	if err := l.tar.Close(); err != nil {
		log.Fatal(err)
	}
	return l.buffer.Bytes()
}

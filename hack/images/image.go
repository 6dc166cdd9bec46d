package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// user is who the programs run as: no root, and nobody whom a node knows.
const user = "65532"

// then is the time of everything in an image: when it was made is no part of it.
var then = time.Unix(0, 0).UTC()

// makeIndex builds a program for each platform. boms are the lists of what is in the images, by file name.
func makeIndex(ctx context.Context, p program, version, revision string, platforms []v1.Platform) (v1.ImageIndex, map[string][]byte, error) {
	labels := map[string]string{
		"org.opencontainers.image.title":       p.name,
		"org.opencontainers.image.description": p.description,
		"org.opencontainers.image.source":      "https://" + module,
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.version":     version,
		"org.opencontainers.image.revision":    revision,
	}
	index, boms := v1.ImageIndex(empty.Index), map[string][]byte{}
	for _, platform := range platforms {
		binary, err := p.build(ctx, version, platform)
		if err != nil {
			return nil, nil, err
		}
		image, err := makeImage(p.name, binary, platform, labels)
		if err != nil {
			return nil, nil, err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &platform}})
		bom, err := bomOf(p.name, version, binary, image)
		if err != nil {
			return nil, nil, err
		}
		boms[fmt.Sprintf("%s.%s-%s.spdx.json", p.name, platform.OS, platform.Architecture)] = bom
	}
	annotated, ok := mutate.Annotations(index, labels).(v1.ImageIndex)
	if !ok {
		return nil, nil, fmt.Errorf("annotate the index: it is a %T", annotated)
	}
	return annotated, boms, nil
}

// makeImage is one layer with the program, the authorities of TLS certificates, and the user's name.
func makeImage(name string, binary []byte, platform v1.Platform, labels map[string]string) (v1.Image, error) {
	layer, err := makeLayer([]file{
		{name: "etc/", mode: 0o755},
		{name: "etc/group", mode: 0o644, data: []byte("nonroot:x:" + user + ":\n")},
		{name: "etc/passwd", mode: 0o644, data: []byte("nonroot:x:" + user + ":" + user + ":nonroot:/:/nonexistent\n")},
		{name: "etc/ssl/", mode: 0o755},
		{name: "etc/ssl/certs/", mode: 0o755},
		{name: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, data: authorities()},
		{name: name, mode: 0o755, data: binary},
	})
	if err != nil {
		return nil, err
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.Append(base, mutate.Addendum{
		Layer: layer, History: v1.History{Created: v1.Time{Time: then}, CreatedBy: "hack/images", Comment: "the program and the authorities it trusts"},
	})
	if err != nil {
		return nil, fmt.Errorf("add the layer: %w", err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("read the image's configuration: %w", err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Variant, config.Created = platform.OS, platform.Architecture, platform.Variant, v1.Time{Time: then}
	config.Config = v1.Config{
		User: user + ":" + user, Entrypoint: []string{"/" + name}, WorkingDir: "/", Labels: labels,
		Env: []string{"SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"},
	}
	return mutate.ConfigFile(image, config)
}

// authorities are those that Mozilla trusts, as the Go project publishes them: the watcher asks registries over TLS.
// One that is trusted within bounds only is left out, because a file can't say the bounds.
func authorities() []byte {
	var text bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			_ = pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) // a buffer takes all
		}
	}
	return text.Bytes()
}

// file is one in a layer; a directory's name ends in a slash.
type file struct {
	name string
	mode int64
	data []byte
}

// makeLayer is a layer of files in the order given, which root owns and nobody else can write.
func makeLayer(files []file) (v1.Layer, error) {
	var text bytes.Buffer
	if err := writeTar(&text, files); err != nil {
		return nil, fmt.Errorf("write the layer: %w", err)
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text.Bytes())), nil }
	layer, err := tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, fmt.Errorf("read the layer: %w", err)
	}
	return layer, nil
}

func writeTar(w io.Writer, files []file) error {
	writer := tar.NewWriter(w)
	for _, each := range files {
		header := tar.Header{Format: tar.FormatPAX, Typeflag: tar.TypeReg, Name: each.name, Mode: each.mode, Size: int64(len(each.data)), ModTime: then}
		if each.data == nil {
			header.Typeflag = tar.TypeDir
		}
		if err := writer.WriteHeader(&header); err != nil {
			return err
		}
		if _, err := writer.Write(each.data); err != nil {
			return err
		}
	}
	return writer.Close()
}

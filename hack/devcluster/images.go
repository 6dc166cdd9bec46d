package devcluster

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// pushImages puts the cluster's own images into the registry: the sandbox's, busybox, misbehave.
func pushImages(ctx context.Context, l layout, p programs) error {
	pause, err := oneProgramImage(empty.Image, filepath.Join(p.own, "pause"), "pause")
	if err != nil {
		return fmt.Errorf("making the image pause: %w", err)
	}
	busybox, err := busyboxImage(ctx)
	if err != nil {
		return fmt.Errorf("making the image busybox: %w", err)
	}
	misbehave, err := oneProgramImage(busybox, filepath.Join(p.own, "misbehave"), "misbehave")
	if err != nil {
		return fmt.Errorf("making the image misbehave: %w", err)
	}
	for _, push := range []struct {
		ref   string
		image v1.Image
	}{
		{pauseImage, pause},
		{"busybox:latest", busybox},
		{"busybox:1.36", busybox},
		{"misbehave:latest", misbehave},
		{"misbehave:v1", misbehave},
	} {
		if err := pushImage(ctx, l, push.ref, push.image); err != nil {
			return err
		}
	}
	return nil
}

// pushImage stores an image where containerd will look for ref, whatever registry ref names.
func pushImage(ctx context.Context, l layout, ref string, image v1.Image) error {
	meant, err := name.ParseReference(ref)
	if err != nil {
		return fmt.Errorf("reading the image reference %q: %w", ref, err)
	}
	host := meant.Context().RegistryStr()
	if host == name.DefaultRegistry { // index.docker.io, which containerd calls docker.io
		host = "docker.io"
	}
	stored := l.registryAddress() + "/" + strings.ReplaceAll(host, ":", "_") + "/" + meant.Context().RepositoryStr()
	if digest, ok := meant.(name.Digest); ok {
		stored += "@" + digest.DigestStr()
	} else {
		stored += ":" + meant.Identifier()
	}
	target, err := name.ParseReference(stored, name.Insecure)
	if err != nil {
		return fmt.Errorf("placing the image %q in the local registry: %w", ref, err)
	}
	if err := remote.Write(target, image, remote.WithContext(ctx)); err != nil {
		return fmt.Errorf("pushing the image %q to the local registry: %w", ref, err)
	}
	return nil
}

// oneProgramImage adds a program to an image and makes it what the image runs.
func oneProgramImage(base v1.Image, file, program string) (v1.Image, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var layer layerTar
	layer.dir("bin", 0o755)
	layer.file("bin/"+program, data, 0o755)
	return layer.onto(base, v1.Config{Entrypoint: []string{"/bin/" + program}})
}

// busyboxImage is the machine's static busybox with a name for each of its applets.
func busyboxImage(ctx context.Context) (v1.Image, error) {
	file := program("busybox")
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	applets, err := exec.CommandContext(ctx, file, "--list-full").Output()
	if err != nil {
		return nil, fmt.Errorf("listing the applets of %s: %w", file, err)
	}
	var layer layerTar
	for _, dir := range []string{"bin", "dev", "etc", "home", "proc", "root", "sbin", "sys", "usr", "usr/bin", "usr/sbin", "var"} {
		layer.dir(dir, 0o755)
	}
	layer.dir("tmp", 0o1777)
	layer.file("bin/busybox", data, 0o755)
	layer.file("etc/passwd", []byte("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n"), 0o644)
	layer.file("etc/group", []byte("root:x:0:\nnobody:x:65534:\n"), 0o644)
	known := map[string]bool{"bin": true, "sbin": true, "usr/bin": true, "usr/sbin": true}
	for _, applet := range strings.Fields(string(applets)) {
		if known[path.Dir(applet)] && applet != "bin/busybox" {
			layer.link(applet, "/bin/busybox")
		}
	}
	return layer.onto(empty.Image, v1.Config{Cmd: []string{"sh"}})
}

// layerTar is an image layer in the making. The first error stays and is returned at the end.
type layerTar struct {
	buffer bytes.Buffer
	writer *tar.Writer
	err    error
}

func (t *layerTar) add(header tar.Header, data []byte) {
	if t.writer == nil {
		t.writer = tar.NewWriter(&t.buffer)
	}
	header.Size = int64(len(data))
	if t.err == nil {
		t.err = t.writer.WriteHeader(&header)
	}
	if t.err == nil {
		_, t.err = t.writer.Write(data)
	}
}

func (t *layerTar) dir(name string, mode int64) {
	t.add(tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: mode}, nil)
}

func (t *layerTar) file(name string, data []byte, mode int64) {
	t.add(tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode}, data)
}

func (t *layerTar) link(name, target string) {
	t.add(tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}, nil)
}

// onto is base with this layer on top. No times are recorded, so equal content gives equal digests.
func (t *layerTar) onto(base v1.Image, config v1.Config) (v1.Image, error) {
	if t.err == nil {
		t.err = t.writer.Close()
	}
	if t.err != nil {
		return nil, fmt.Errorf("writing a layer: %w", t.err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(t.buffer.Bytes())), nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the layer: %w", err)
	}
	image, err := mutate.AppendLayers(base, layer)
	if err != nil {
		return nil, fmt.Errorf("adding the layer: %w", err)
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the image's configuration: %w", err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", runtime.GOARCH
	config.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	file.Config = config
	return mutate.ConfigFile(image, file)
}

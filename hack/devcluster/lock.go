package devcluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// lock takes the advisory lock of a directory, waiting for whoever holds it. It lasts until the
// returned function is called or this process ends, however it ends.
func lock(ctx context.Context, o Options, dir, purpose string) (release func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making %s: %w", dir, err)
	}
	path := filepath.Join(dir, "lock")
	for told := false; ; {
		file, err := tryLock(path)
		if err != nil {
			return nil, fmt.Errorf("locking %s: %w", path, err)
		}
		if file != nil {
			return func() { file.Close() }, nil
		}
		if !told {
			holder, _ := os.ReadFile(path)
			o.say("waiting for process %s, which has locked %s", strings.TrimSpace(string(holder)), dir)
			told = true
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for %s to %s: %w", path, purpose, ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// tryLock returns nil, nil when somebody else holds the lock.
func tryLock(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		file.Close()
		return nil, nil
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	// Down removes the lock file last; whoever waited on the removed file must take the new one.
	held, err := file.Stat()
	if err == nil {
		if now, statErr := os.Stat(path); statErr != nil || !os.SameFile(held, now) {
			file.Close()
			return nil, nil //nolint:nilerr // a path that can't be read is a removed lock file, to be taken anew
		}
		if err = file.Truncate(0); err == nil {
			_, err = fmt.Fprintf(file, "%d\n", os.Getpid())
		}
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// Command hello is what the images of the tests are made of.
package main

import "os"

var version string

func main() { _, _ = os.Stdout.WriteString("hello " + version + "\n") }

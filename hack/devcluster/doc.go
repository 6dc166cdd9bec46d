// Package devcluster starts a real Kubernetes on one machine, for tests and for people: etcd, the
// control plane, containerd, a kubelet, kube-proxy, metrics-server and an image registry, every one of
// them an ordinary process. It needs no container runtime beforehand, no registry and no downloads
// but Go modules and Debian packages.
//
// [Up] builds what is missing into a cache, starts what is not running and returns when pods can be
// created; a second Up finds the first. [Down] stops what Up started and removes what it made. The
// processes outlive the program that called Up: they belong to a state directory, not to a parent.
//
// Without root, off Linux, or when [Options].Simulated asks for it, the control plane is as real as
// before but the node is simulated by kwok: pods become Running and nothing runs. [Cluster.RealNode]
// tells which of the two this is and why.
//
// What lies outside the state directory, all of it removed by Down: the address 10.245.0.1 on the
// loopback interface, the bridge kuberemedy0, the nftables tables of kube-proxy, the cgroups under
// /kube-remedy, links in /var/log/containers, shim sockets in /run/containerd/s, the kubelet's socket in
// /var/lib/kubelet/device-plugins, network results in /var/lib/cni, the file
// /run/kube-remedy-devcluster, and kernel settings that the kubelet changes (their former values are put
// back). Container logs are in the state directory, in pod-logs.
package devcluster

#!/bin/sh
# Writes go.mod and go.sum anew for another version of Kubernetes: sh update.sh 1.36.3
# Needs Go and the module proxy, nothing else. What it cannot know is how etcd is to be pinned: see below.
set -eu
version=${1:?usage: sh update.sh VERSION, such as 1.36.3}
cd "$(dirname "$0")"
rm -f go.mod go.sum
go mod init stoker.io/e2e-tools

# k8s.io/kubernetes replaces its staging modules by relative paths, and the replaces of a dependency do not count:
# each is replaced here by the version that was published with it.
upstream=$(go mod download -json "k8s.io/kubernetes@v$version" | sed -n 's/^\t"GoMod": "\(.*\)",$/\1/p')
for module in $(awk '$2 == "=>" && $3 ~ /^\.\/staging/ { print $1 }' "$upstream"); do
    go mod edit -replace="$module=$module@v0.${version#1.}"
done

# The etcd server of the very version whose client this Kubernetes pins: a newer one would lift grpc, otel and x/net below it.
etcd=$(awk '$1 == "go.etcd.io/etcd/client/v3" { print $2; exit }' "$upstream")
commands=k8s.io/kubernetes/cmd
go get -tool \
    "$commands/kube-apiserver@v$version" \
    "$commands/kube-controller-manager@v$version" \
    "$commands/kube-scheduler@v$version" \
    "$commands/kubelet@v$version" \
    "$commands/kube-proxy@v$version" \
    "$commands/kubectl@v$version" \
    "go.etcd.io/etcd/server/v3@$etcd"

# The Go that this Kubernetes demands, not the one that happens to be here.
go mod edit -go="$(awk '$1 == "go" { print $2; exit }' "$upstream")"

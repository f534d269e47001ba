# A real Kubernetes for tests, as WINDFIRM_TEST_CLUSTER; empty, after saying so, where this machine cannot have one. Taken away at the
# end, unless it was there before. CLUSTER_FAILED is set where it should have come up and did not. Sourced after common.sh, never run.
export WINDFIRM_TEST_CLUSTER='' WINDFIRM_REQUIRE_CLUSTER=0
CLUSTER_WAS_UP='' CLUSTER_FAILED=''
[ ! -f "$ROOT/.windfirm/cluster/built" ] || CLUSTER_WAS_UP=1
cluster_down() { [ -n "$CLUSTER_WAS_UP" ] || [ -z "$WINDFIRM_TEST_CLUSTER" ] || deploy/cluster/down.sh || true; }
UP=0
deploy/cluster/up.sh || UP=$?
case $UP in
  0) WINDFIRM_TEST_CLUSTER=$ROOT/.windfirm/cluster WINDFIRM_REQUIRE_CLUSTER=1; trap cluster_down EXIT ;;
  # It has said why.
  3) skip "the tests on a real Kubernetes: this machine cannot have one" ;;
  *) CLUSTER_FAILED=1 ;;
esac

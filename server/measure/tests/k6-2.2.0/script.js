// What the captured deliveries were measured with: k6 v2.2.0, one second of aggregation, against a server that answers /miss with 404.
import http from 'k6/http';
import { check, group } from 'k6';
import { Counter, Gauge, Trend } from 'k6/metrics';

const wait = new Trend('my_wait', true);
const count = new Counter('my_count');
const gauge = new Gauge('my_gauge');

export const options = {
  scenarios: { a: { executor: 'constant-arrival-rate', rate: 20, timeUnit: '1s', duration: '4s', preAllocatedVUs: 3 } },
  thresholds: {
    http_req_duration: ['p(99)<400', { threshold: 'p(95)<300', abortOnFail: true, delayAbortEval: '10s' }],
    'http_req_duration{name:checkout}': ['avg<1000'],
    checks: ['rate>0.9'],
    http_req_failed: [{ threshold: 'rate<0.1', abortOnFail: false }],
  },
};

export default function () {
  const target = __ENV.T;
  http.get(target + '/a?token=abc&x=1', { tags: { name: 'checkout' } });
  group('g1', () => {
    const answer = http.get(target + '/b?token=secret');
    check(answer, { 'is 200': (r) => r.status === 200, big: (r) => r.body.length > 99 });
  });
  if (__ITER % 5 == 0) http.get(target + '/miss');
  wait.add(Math.random() * 100);
  count.add(2);
  gauge.add(__ITER);
}

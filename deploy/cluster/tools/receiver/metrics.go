package main

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// The parts of k6's metric.proto that are read here, by the numbers of their fields.
const (
	setMetrics    = 3
	metricName    = 1
	metricSeries  = 3
	seriesLabels  = 1
	seriesCounter = 2
	labelName     = 1
	labelValue    = 2
	counterValues = 1
	counterValue  = 2
)

// requests sums http_reqs of a push for each runner, which its label instance_id tells.
func requests(set []byte) (map[string]float64, error) {
	counted := map[string]float64{}
	err := fields(set, setMetrics, func(metric []byte) error {
		if text(metric, metricName) != "http_reqs" {
			return nil
		}
		return fields(metric, metricSeries, func(series []byte) error {
			runner := ""
			err := fields(series, seriesLabels, func(label []byte) error {
				if text(label, labelName) == "instance_id" {
					runner = text(label, labelValue)
				}
				return nil
			})
			if err != nil {
				return err
			}
			return fields(series, seriesCounter, func(samples []byte) error {
				return fields(samples, counterValues, func(value []byte) error {
					return double(value, counterValue, func(count float64) { counted[runner] += count })
				})
			})
		})
	})
	return counted, err
}

// fields calls with the content of each field that has this number and a length.
func fields(message []byte, number protowire.Number, call func([]byte) error) error {
	return each(message, func(found protowire.Number, kind protowire.Type, rest []byte) error {
		if found != number || kind != protowire.BytesType {
			return nil
		}
		content, size := protowire.ConsumeBytes(rest)
		if size < 0 {
			return protowire.ParseError(size)
		}
		return call(content)
	})
}

func double(message []byte, number protowire.Number, call func(float64)) error {
	return each(message, func(found protowire.Number, kind protowire.Type, rest []byte) error {
		if found == number && kind == protowire.Fixed64Type {
			bits, size := protowire.ConsumeFixed64(rest)
			if size < 0 {
				return protowire.ParseError(size)
			}
			call(math.Float64frombits(bits))
		}
		return nil
	})
}

func each(message []byte, call func(protowire.Number, protowire.Type, []byte) error) error {
	for len(message) > 0 {
		number, kind, size := protowire.ConsumeTag(message)
		if size < 0 {
			return protowire.ParseError(size)
		}
		message = message[size:]
		if err := call(number, kind, message); err != nil {
			return err
		}
		if size = protowire.ConsumeFieldValue(number, kind, message); size < 0 {
			return protowire.ParseError(size)
		}
		message = message[size:]
	}
	return nil
}

func text(message []byte, number protowire.Number) string {
	found := ""
	_ = fields(message, number, func(content []byte) error { found = string(content); return nil })
	return found
}

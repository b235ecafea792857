// Holds manifests to what a cluster with the Prometheus operator refuses and Kubernetes' schemas do not say: the `restricted` Pod Security
// Standard, by the very library of the API server, and the operator's own resources, by its own types.
//
//	admission FILE...
//
// Prints one line for each fault and, at the end, how many pods and custom resources were looked at.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

type counts struct{ pods, custom, faults int }

func main() {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	var seen counts
	for _, file := range os.Args[1:] {
		if err := look(file, evaluator, &seen); err != nil {
			seen.faults++
			fmt.Printf("%s: %v\n", file, err)
		}
	}
	fmt.Printf("%d pods and %d custom resources checked\n", seen.pods, seen.custom)
	if seen.faults > 0 {
		os.Exit(1)
	}
}

func look(file string, evaluator policy.Evaluator, seen *counts) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(content)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var kind meta.TypeMeta
		if err := yaml.Unmarshal(document, &kind); err != nil {
			return err
		}
		if err := check(kind, document, evaluator, seen); err != nil {
			return fmt.Errorf("%s: %w", kind.Kind, err)
		}
	}
}

func check(kind meta.TypeMeta, document []byte, evaluator policy.Evaluator, seen *counts) error {
	strictly := func(into any) error { return yaml.UnmarshalStrict(document, into) }
	switch kind.Kind {
	case "Pod":
		var pod core.Pod
		if err := strictly(&pod); err != nil {
			return err
		}
		return admit(&pod.ObjectMeta, &pod.Spec, evaluator, seen)
	case "Deployment":
		var deployment apps.Deployment
		if err := strictly(&deployment); err != nil {
			return err
		}
		return admit(&deployment.Spec.Template.ObjectMeta, &deployment.Spec.Template.Spec, evaluator, seen)
	case "DaemonSet":
		var set apps.DaemonSet
		if err := strictly(&set); err != nil {
			return err
		}
		return admit(&set.Spec.Template.ObjectMeta, &set.Spec.Template.Spec, evaluator, seen)
	case "PodMonitor":
		seen.custom++
		return strictly(&monitoring.PodMonitor{})
	case "ServiceMonitor":
		seen.custom++
		return strictly(&monitoring.ServiceMonitor{})
	case "PrometheusRule":
		seen.custom++
		return strictly(&monitoring.PrometheusRule{})
	}
	return nil
}

func admit(about *meta.ObjectMeta, spec *core.PodSpec, evaluator policy.Evaluator, seen *counts) error {
	seen.pods++
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	result := policy.AggregateCheckResults(evaluator.EvaluatePod(restricted, about, spec))
	if !result.Allowed {
		return errors.New(result.ForbiddenDetail())
	}
	return nil
}

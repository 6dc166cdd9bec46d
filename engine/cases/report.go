package cases

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"github.com/kube-remedy/kube-remedy/engine"
	"github.com/kube-remedy/kube-remedy/engine/catalog"
)

// bins of the reliability table.
const bins = 10

// Report is how well the engine does on cases.
type Report struct {
	// Failing and Healthy count the cases by failure type.
	Failing map[string]*Score
	// Healthy counts cases without a failure; FalseAlarms those in which one was found.
	Healthy, FalseAlarms int
	// Wrong says what is wrong in which case.
	Wrong []string
	// bins counts diagnoses by their confidence.
	bins [bins]bin
}

// Score counts the failing cases of one failure type.
type Score struct {
	// Cases is how many there are; in TypeRight of them the failure type was found, in CauseRight all was as wanted.
	Cases, TypeRight, CauseRight int
}

// bin counts the diagnoses of one tenth of confidence.
type bin struct {
	diagnoses, right int
	confidence       float64 // their sum
}

// Measure diagnoses all cases. A diagnosis is right when the case wants its failure type and cause.
func Measure(with *engine.Engine, all []Case) Report {
	report := Report{Failing: map[string]*Score{}}
	for _, c := range all {
		found := Diagnose(with, c.Text)
		err := c.Check(found)
		if err != nil {
			report.Wrong = append(report.Wrong, c.Name+": "+err.Error())
		}
		if len(c.Wanted) == 0 {
			report.Healthy++
			if len(found) > 0 {
				report.FalseAlarms++
			}
		} else {
			report.count(c, found, err == nil)
		}
		for _, diagnosis := range found {
			report.place(diagnosis, slices.ContainsFunc(c.Wanted, func(want Want) bool { return want.sameAs(diagnosis) }))
		}
	}
	return report
}

func (r *Report) count(c Case, found []engine.Diagnosis, right bool) {
	kind := string(c.Wanted[0].FailureType)
	score := r.Failing[kind]
	if score == nil {
		score = &Score{}
		r.Failing[kind] = score
	}
	score.Cases++
	if len(found) > 0 && slices.ContainsFunc(c.Wanted, func(want Want) bool { return want.FailureType == found[0].FailureType }) {
		score.TypeRight++
	}
	if right {
		score.CauseRight++
	}
}

func (r *Report) place(diagnosis engine.Diagnosis, right bool) {
	at := &r.bins[min(int(diagnosis.Finding.Confidence)*bins/100, bins-1)]
	at.diagnoses++
	at.confidence += float64(diagnosis.Finding.Confidence) / 100
	if right {
		at.right++
	}
}

// CalibrationError is the expected calibration error: the mean difference, over all diagnoses, between the
// confidence and the share that was right in each tenth (Naeini et al., AAAI 2015).
func (r Report) CalibrationError() float64 {
	total, sum := 0, 0.0
	for _, bin := range r.bins {
		total += bin.diagnoses
		sum += math.Abs(bin.confidence - float64(bin.right))
	}
	if total == 0 {
		return 0
	}
	return sum / float64(total)
}

// Print writes what a catalogue has and how well it does.
func (r Report) Print(out io.Writer, known *catalog.Catalog) {
	signatures, causes := map[string]int{}, map[string]int{}
	for _, signature := range known.Signatures() {
		kind := string(signature.FailureType)
		if signature.Role != catalog.Failure {
			kind = "(" + string(signature.Role) + ")"
		}
		signatures[kind]++
	}
	for _, cause := range known.Causes() {
		causes[string(cause.FailureType)]++
	}
	fmt.Fprintf(out, "%-18s %10s %7s %7s %11s %12s\n", "", "signatures", "causes", "cases", "type right", "cause right")
	cases, typeRight, causeRight := 0, 0, 0
	for _, kind := range slices.Sorted(maps.Keys(signatures)) {
		score := r.Failing[kind]
		if score == nil {
			score = &Score{}
		}
		fmt.Fprintf(out, "%-18s %10d %7d %7d %11d %12d\n", kind, signatures[kind], causes[kind], score.Cases, score.TypeRight, score.CauseRight)
		cases, typeRight, causeRight = cases+score.Cases, typeRight+score.TypeRight, causeRight+score.CauseRight
	}
	fmt.Fprintf(out, "%-18s %10d %7d %7d %11d %12d\n", "all", len(known.Signatures()), len(known.Causes()), cases, typeRight, causeRight)
	fmt.Fprintf(out, "\nfailing cases: %.1f%% of the failure types and %.1f%% of the causes right\n", share(typeRight, cases), share(causeRight, cases))
	fmt.Fprintf(out, "healthy cases: %d, called broken: %d (%.1f%%)\n", r.Healthy, r.FalseAlarms, share(r.FalseAlarms, r.Healthy))
	fmt.Fprintf(out, "\n%-12s %10s %16s %7s\n", "confidence", "diagnoses", "mean confidence", "right")
	for i, bin := range r.bins {
		if bin.diagnoses == 0 {
			fmt.Fprintf(out, "%3d-%3d%%     %10d %16s %7s\n", i*100/bins, (i+1)*100/bins, 0, "-", "-")
			continue
		}
		fmt.Fprintf(out, "%3d-%3d%%     %10d %15.1f%% %6.1f%%\n", i*100/bins, (i+1)*100/bins, bin.diagnoses,
			100*bin.confidence/float64(bin.diagnoses), share(bin.right, bin.diagnoses))
	}
	fmt.Fprintf(out, "expected calibration error: %.3f\n", r.CalibrationError())
	for _, wrong := range r.Wrong {
		fmt.Fprintln(out, "wrong:", wrong)
	}
}

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return 100 * float64(part) / float64(whole)
}

package outcomes

// strength is how many workloads the catalogue's word is worth. A cause's confidence is put together by judgement and held
// against some three cases of its own (make catalog-report), picked for being typical: that is worth some workloads, and
// not hundreds. Ten is what makes of the threshold of 70%, from which cures are applied unasked, that four workloads in
// which a cure at 92% failed, and none that it cured, make it a suggestion, while three do not; that a suggestion at 60%
// is applied unasked once it held in four that somebody approved it for; and that a cure at 92% which in truth helps
// every other time is found out after a dozen workloads.
const strength = 10

// Posterior gives how sure a treatment is with what is known of it, in percent, when it was prior percent before: the
// mean of the Beta distribution with which a rule of probability p, as Beta(p·strength, (1−p)·strength), comes out of as
// many successes as workloads that it cured and as many failures as those that it did not. Attempts are not weighed: a
// value that was too small at first says little against raising it. Without outcomes the result is prior itself. It is
// from 0 to 100, as prior must be, and more than 99 only if prior was: no number of outcomes makes anything certain.
func (c Count) Posterior(prior int32) int32 {
	held, all := c.Held(), c.Held()+c.Failed
	if all == 0 {
		return prior
	}
	mean := float64(int(prior)*strength+100*held) / float64(strength+all)
	return min(int32(mean+0.5), max(prior, 99))
}

// Package gist tells what a text as a whole is about, for texts in which no signature was found: whether it speaks
// of a failure, and of which type, judged by its words, as somebody does who does not know the program that wrote it.
//
// It promises a probability for each failure type and for "nothing is wrong", the same for the same text on every
// machine, and the line that says most for it. It knows causes as little as objects: what it finds is the least of
// all evidence, and the engine gives it little trust.
//
// The judgement is a multinomial logistic regression (D. R. Cox, The regression analysis of binary sequences, 1958)
// over words, stems, pairs of words and rows of eight characters, which are few enough to be written down: weights.tsv. They are learned from
// the catalogue's cases and the texts in hack/gist by `make gist`; `make gist-report` prints how often they are
// right on texts that were left out of the learning.
package gist

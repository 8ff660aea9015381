package main

type renderCommand struct{}

func (renderCommand) Run() error { return nil }

.PHONY: run test check bench demo

run: ## the bot; needs DISCORD_TOKEN
	go run .

demo: ## a song against Discord on loopback
	go run . demo

test: ## what the README says
	go test ./...

check: ## what has to pass before a push
	@test -z "$$(go tool gofumpt -l .)" || { go tool gofumpt -l .; echo "these files need gofumpt"; exit 1; }
	go vet ./...
	go tool staticcheck ./...
	go mod tidy -diff
	go test -race -shuffle=on ./...
	@git diff --exit-code --stat

bench: ## every benchmark once over, with allocations
	go test -run '^$$' -bench . -benchmem ./...

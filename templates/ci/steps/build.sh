(cd "$PROJECT" && modelctl build)

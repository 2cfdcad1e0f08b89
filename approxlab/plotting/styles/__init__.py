"""Style sheets that come with the package: screen, paper, slides."""

"""From where a temporal embedding is drawn: ``N(0, I)``, or what the training recordings' embeddings really fill.

A variational autoencoder that keeps much of what it hears fills less than its prior: draws of ``N(0, I)`` then fall
where nothing was ever decoded (the "hole" between prior and aggregated posterior; Tomczak and Welling 2018), and where
the embedding says what class it is, it outvotes the label. So when training ends a Gaussian is fitted to each label's
embeddings, and one to all of them for "unknown" (Ghosh et al. 2020, ex-post density estimation):

    e = mean + factor @ n,   n ~ N(0, I),   factor factor^T = the covariance's largest part

A draw is still a function of standard normal numbers, and weights between two labels mix the two Gaussians' numbers.
"""

import torch
from torch import Tensor, nn

from lgr.errors import ArgumentError, check_shape


class EmbeddingPrior(nn.Module):
    """One Gaussian a label and, last, one of all; ``N(0, I)`` until ``fit``.

    ``rank`` is how many directions vary, at most ``embedding_dim``.
    """

    mean: Tensor
    factor: Tensor
    fitted: Tensor

    def __init__(self, n_labels: int, embedding_dim: int, rank: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_labels + 1, embedding_dim))
        self.register_buffer("factor", torch.zeros(n_labels + 1, embedding_dim, min(rank, embedding_dim)))
        self.register_buffer("fitted", torch.zeros(1))

    def fit(self, embeddings: Tensor, labels: Tensor) -> None:
        """Fit to embeddings ``(n, embedding_dim)`` with label weights ``(n, n_labels)``, one-hot or zeros.

        A label that has no embedding gets the Gaussian of all; one that has a single one does not vary.
        """
        n_labels = self.mean.shape[0] - 1
        size = (embeddings.shape[0], self.mean.shape[1])
        check_shape("embeddings", embeddings.shape, f"(n >= 2, {size[1]})", embeddings.shape == size and size[0] >= 2)
        check_shape("labels", labels.shape, f"({size[0]}, {n_labels})", labels.shape == (size[0], n_labels))
        if not bool(torch.isfinite(embeddings).all()):
            raise ArgumentError("embeddings must be finite, got NaN or infinity")
        for row in range(n_labels + 1):
            chosen = embeddings[labels[:, row] > 0.5] if row < n_labels else embeddings
            chosen = chosen if len(chosen) else embeddings
            centre = chosen.mean(0)
            self.mean[row] = centre
            self.factor[row].zero_()
            if len(chosen) > 1:
                _, spread, directions = torch.linalg.svd(chosen - centre, full_matrices=False)
                rank = min(self.factor.shape[2], len(spread))
                scaled = directions[:rank] * (spread[:rank, None] / (len(chosen) - 1) ** 0.5)
                self.factor[row, :, :rank] = scaled.T
        self.fitted.fill_(1)

    def place(self, normal: Tensor, labels: Tensor) -> Tensor:
        """Standard normal numbers ``(n, embedding_dim)`` and label weights ``(n, n_labels)`` to embeddings.

        Only the first ``rank`` numbers of a row count once the prior is fitted. What the weights leave of one goes to
        the Gaussian of all.
        """
        if not bool(self.fitted):
            return normal
        weights = torch.cat([labels, 1 - labels.sum(1, keepdim=True)], 1).to(self.mean)
        moved = torch.einsum("ler,nr->nle", self.factor, normal[:, : self.factor.shape[2]].to(self.mean))
        return torch.einsum("nl,nle->ne", weights, self.mean + moved)
